//! The journal against real files, real processes and a real kernel.

mod conformance;
mod damage;
mod golden;
mod kill;
mod lock;
mod readers;
mod room;
mod support;
mod tampering;
