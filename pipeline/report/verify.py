"""Checks a run from its files alone: what the jobs promised, counted again from the rows. Nothing is taken from the jobs' own counts."""

from collections.abc import Callable

from pipeline.params import RunError
from pipeline.report.check_documents import check_documents
from pipeline.report.check_files import check_files
from pipeline.report.check_stream import check_stream
from pipeline.report.datasets import DATASETS, Run, load_manifest


def verify(workdir: str, *, progress: Callable[[str], None]) -> list[str]:
    """Every file against its manifest, then the laws of documents, then those of the training stream.

    What a damaged file holds is not looked at any further, and totals that need it are left out: one damage, one fault.

    Args:
        progress: gets a line for each dataset and each step.
    Returns:
        the faults, a line each, with the dataset, the file and the numbers; empty: everything holds.
    """
    manifests, faults = {}, []
    for dataset in DATASETS:
        try:
            manifests[dataset] = load_manifest(workdir, dataset)
        except RunError as error:
            faults.append(str(error))
    run = Run(workdir, manifests)
    damaged, found = check_files(run, progress=progress)
    faults += found
    if len(manifests) < len(DATASETS):
        return faults
    faults += check_documents(run, damaged=damaged, progress=progress)
    faults += check_stream(run, damaged=damaged, progress=progress)
    return faults
