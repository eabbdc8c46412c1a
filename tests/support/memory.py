"""What a part of the code holds in memory, whatever the threads of other tests allocate meanwhile."""

import gc
import tracemalloc


def bytes_held_by(*files: str) -> int:
    """Bytes that lines of these files (patterns) allocated since tracing began, and that are still there."""
    gc.collect()
    filters = [tracemalloc.Filter(True, pattern) for pattern in files]
    traces = tracemalloc.take_snapshot().filter_traces(filters).traces
    return sum(trace.size for trace in traces)
