//! The separate writer: looks at proposals against a repository, writes accepted ones as branches,
//! and takes branches back.
//!
//! It runs as a short-lived process of its own, never in the daemon and never in an agent's walls.
//! Git is not run: objects and references are read and written by a library that executes nothing,
//! whatever the repository's configuration says, and the work tree, the index and HEAD are not
//! touched.
//!
//! Reading order: [`order`], `check`, `repository`, `edit`, `write`, `revert`, `copy`.

mod check;
mod copy;
mod edit;
pub mod order;
mod repository;
mod revert;
mod write;

pub use copy::{Copying, copy};
pub use order::Order;
pub use repository::{become_owner, places};

use onboard_domain::proposal::{News, Work};

/// Does what is ordered, and says what came of it. Doing it twice gives the same.
pub fn work(order: &Order) -> News {
    match order.work {
        Work::Check => {
            let (base, checks) = check::check(order);
            News::Checked { base, checks }
        }
        Work::Write => match write::write(order) {
            Ok(branch) => News::Written { branch },
            Err(write::NotWritten { stale, why }) => News::NotWritten { stale, why },
        },
        Work::Revert => match revert::revert(order) {
            Ok(branch) => News::Reverted { branch },
            Err(why) => News::NotReverted { why },
        },
    }
}
