//! The loop: `step` decides, effects touch the world, views are rebuilt.

pub mod handle;
