//! Profile to plan to walls; launching, freezing, killing, proving dead. The only unsafe code.
