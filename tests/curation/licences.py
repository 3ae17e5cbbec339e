"""Texts and notices of licences as files have them, for the tests of what reads them."""

MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished
to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED.
"""
MIT_0 = MIT.replace("so, subject to the following conditions:", "so.").replace(MIT.split("\n\n")[1], "")
BSD_3 = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer
   in the documentation and/or other materials provided with the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products derived
   from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS".
"""
BSD_2 = BSD_3[: BSD_3.index("3. ")] + BSD_3[BSD_3.index("\nTHIS") :]
BSD_4 = BSD_3.replace("3. ", "3. All advertising materials mentioning features or use of this software must display it.\n4. ")
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies.
"""
ZERO_BSD = ISC.replace(
    ",\nprovided that the above copyright notice and this permission notice appear in all copies.", ".\n\nTHE SOFTWARE IS PROVIDED"
)
ZLIB = """This software is provided 'as-is', without any express or implied warranty. [...]
2. Altered source versions must be plainly marked as such, and must not be misrepresented as being the original software.
"""
UNLICENSE = "This is free and unencumbered software released into the public domain.\n"
APACHE = """Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
"""
MPL = """This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not distributed
with this file, You can obtain one at http://mozilla.org/MPL/2.0/.
"""
GPL = """This program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public License
as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later version.
"""
GPL_2 = GPL.replace("either version 2 of the License, or (at your option) any later version", "version 2 of the License")
LGPL = """This library is free software; you can redistribute it and/or modify it under the terms of the GNU Lesser General Public
License as published by the Free Software Foundation; either version 2.1 of the License, or (at your option) any later version.
It is distributed without any warranty; see the GNU Lesser General Public License for more details.
"""
AGPL = GPL.replace("GNU General", "GNU Affero General").replace("version 2", "version 3")
# The heads of licences' own texts, which speak of later versions and of other licences.
GPL_3_TEXT = """GNU GENERAL PUBLIC LICENSE
Version 3, 29 June 2007

Everyone is permitted to copy and distribute verbatim copies of this license document, but changing it is not allowed. [...]
Notwithstanding any other provision of this License, you have permission to link or combine any covered work with a work licensed
under version 3 of the GNU Affero General Public License into a single combined work [...] or any later version.
"""
MPL_TEXT = """Mozilla Public License Version 2.0
1.12. "Secondary License" means either the GNU General Public License, Version 2.0, the GNU Lesser General Public License, Version
2.1, the GNU Affero General Public License, Version 3.0, or any later versions of those licenses.
"""


def commented(text: str, mark: str = "# ") -> str:
    return "".join(mark + line + "\n" for line in text.splitlines())
