//! The simulated world: clock, hosts, projects, agents, faults, checkers.
