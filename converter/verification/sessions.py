"""Sessions of onnxruntime, whose answers the emitted code is held to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

ERRORS = tuple(
    member for member in vars(state).values() if isinstance(member, type) and issubclass(member, Exception)
)  # onnxruntime's exceptions have no common base of their own

_FOLDER = "session.model_external_initializers_file_folder_path"
_SPINNING = "session.intra_op.allow_spinning"


def session_of(
    model: str | Path | bytes,
    *,
    optimised: bool = False,
    threads: int = 0,
    weights: Mapping[str, onnxruntime.OrtValue] | None = None,
    folder: str | None = None,
) -> onnxruntime.InferenceSession:
    """A session of a file, or of a serialised model whose external data lies in ``folder``.

    ``threads`` 0: as many as OMP_NUM_THREADS says, otherwise as there are processors. ``weights`` take the place of those of
    the model; they must live as long as the session. Raises one of ``ERRORS``.
    """
    options = onnxruntime.SessionOptions()
    for name, value in (weights or {}).items():
        options.add_initializer(name, value)
    usual = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = threads or (int(usual) if usual.isdecimal() else 0)
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.add_session_config_entry(_SPINNING, "0")  # between questions its threads would keep the processors busy
    if folder is not None:
        options.add_session_config_entry(_FOLDER, folder)
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
