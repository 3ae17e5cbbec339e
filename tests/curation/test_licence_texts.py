from pathlib import Path

import pytest

from pipeline.curation.licence_texts import named_licence, said_in
from tests.curation import licences as texts
from tests.curation.licences import commented

TEXTS = {
    "MIT": texts.MIT,
    "MIT-0": texts.MIT_0,
    "BSD-2-Clause": texts.BSD_2,
    "BSD-3-Clause": texts.BSD_3,
    "BSD-4-Clause": texts.BSD_4,
    "ISC": texts.ISC,
    "0BSD": texts.ZERO_BSD,
    "Zlib": texts.ZLIB,
    "Unlicense": texts.UNLICENSE,
    "Apache-2.0": texts.APACHE,
    "MPL-2.0": texts.MPL,
    "GPL-2.0-or-later": texts.GPL,
    "GPL-2.0-only": texts.GPL_2,
    "LGPL-2.1-or-later": texts.LGPL,
    "AGPL-3.0-or-later": texts.AGPL,
    "GPL-3.0-only": texts.GPL_3_TEXT,
}


@pytest.mark.parametrize("mark", ["", "# ", " * ", "dnl ", "REM ", "<!-- ", ";; "])
@pytest.mark.parametrize("expected", TEXTS)
def test_a_licence_is_known_in_comments_of_any_kind(expected: str, mark: str) -> None:
    text = "#!/bin/sh\n" + commented("Copyright (c) 2020 Ann Author. All rights reserved.\n\n" + TEXTS[expected], mark) + "\nx = 1\n"
    assert str(said_in(text)) == expected
    assert str(said_in(text.upper())) == expected
    assert str(said_in(text.replace("icense", "icence"))) == expected


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        ("@license MIT", "MIT"),
        ("Released under the MIT licence, see LICENSE.md", "MIT"),
        ("Use of this source code is governed by a BSD-style license that can be found in the LICENSE file.", "LicenseRef-BSD"),
        ("License: 3-clause BSD", "BSD-3-Clause"),
        ("BSD-style; under the terms of the simplified BSD license", "BSD-2-Clause"),
        ("Dual licensed under the MIT or GPL Version 2 licenses.", "MIT OR GPL-2.0-only"),
        ("Licensed under the Apache License, Version 2.0 <LICENSE-APACHE> or the MIT license, at your option.", "MIT OR Apache-2.0"),
        ("Licensed under either of Apache License 2.0 or MIT license", "MIT OR Apache-2.0"),
        ("This file is MIT licensed, but bundles code under the Apache License 2.0", "MIT AND Apache-2.0"),
        (texts.BSD_3 + "\nAlternatively, this software may be distributed under the " + texts.GPL_2, "BSD-3-Clause OR GPL-2.0-only"),
        (texts.MIT + texts.GPL, "MIT AND GPL-2.0-or-later"),
        (texts.MPL_TEXT, "MPL-2.0"),
        ("PSF LICENSE AGREEMENT. GPL-compatible doesn't mean that we're distributing Python under the GPL.", "PSF-2.0"),
        ("Apache License Version 2.0, LLVM exception: software that is licensed under the GPLv2", "Apache-2.0"),
        ("GPLv3+", "GPL-3.0-only"),
        ("GPL version 3 or later", "GPL-3.0-or-later"),
        ("Distributed under the terms of the GNU General Public License", "GPL-1.0-or-later"),
        ("You may use it under the same terms as Perl itself.", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("CC BY-SA 3.0", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution 4.0 International License", "CC-BY-4.0"),
        ("This code is in the public domain", "LicenseRef-Public-Domain"),
        ("The name is not in the public domain list", "None"),
        ("This code is placed in the public domain", "LicenseRef-Public-Domain"),
        ("Proprietary and confidential. Unauthorized copying of this file is prohibited.", "LicenseRef-Proprietary"),
        ("Use of this software is governed by the Business Source License", "BUSL-1.1"),
        ('under the Apache License with the "Commons Clause"', "Apache-2.0 AND LicenseRef-Commons-Clause"),
        ("Copyright 2020 Ann Author. All rights reserved.", "None"),
        ("a GPL-compatible licence", "None"),
        ("def permission_is_hereby_granted(): ...", "None"),
        ("", "None"),
    ],
)
def test_what_notices_say(notice: str, expected: str) -> None:
    assert str(said_in(notice)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MIT", "MIT"),
        ("mit OR apache-2.0", "MIT OR Apache-2.0"),
        ("The MIT License", "MIT"),
        ("MIT License", "MIT"),
        ("Apache 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache Software License", "Apache-2.0"),
        ("BSD", "LicenseRef-BSD"),
        ("BSD License", "LicenseRef-BSD"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("New BSD", "BSD-3-Clause"),
        ("GPLv2+", "GPL-2.0-only"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
        ("GNU Lesser General Public License v2.1 or later", "LGPL-2.1-or-later"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("see COPYING", "see COPYING"),
        ("other", "other"),
    ],
)
def test_the_names_that_metadata_gives_licences(name: str, expected: str) -> None:
    assert str(named_licence(name)) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("GFDL-1.3", "GFDL-1.3-only"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-3", "GPL-3.0-only"),
        ("LGPL-2", "LGPL-2.0-only"),
        ("LGPL-3", "LGPL-3.0-only"),
        ("MPL-2.0", "MPL-2.0"),
        ("MPL-1.1", "MPL-1.1"),
        ("Apache-2.0", "Apache-2.0"),
        ("BSD", "BSD-3-Clause"),
        ("CC0-1.0", "CC0-1.0"),
    ],
)
def test_the_texts_that_debian_installs_are_known(file: str, expected: str) -> None:
    path = Path("/usr/share/common-licenses") / file
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert str(said_in(path.read_text(encoding="utf-8", errors="replace"))) == expected
