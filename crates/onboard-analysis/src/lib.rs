//! Values in, numbers out: history, statistics, trends. No files, no git, no clock.
