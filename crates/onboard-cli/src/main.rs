//! The binary `ai_onboard`: arguments, output, exit codes. It wires the product and decides nothing.

fn main() {}
