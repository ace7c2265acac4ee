//! Append-only, hash-chained bytes on disk or in memory. Does not know what its bytes mean.
