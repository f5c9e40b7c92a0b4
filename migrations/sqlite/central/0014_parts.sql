-- How many spans a part of a trace has is asked before more are kept: a request that asked for ten thousand backups is one trace.
CREATE INDEX spans_by_part ON spans (trace_id, subject);
