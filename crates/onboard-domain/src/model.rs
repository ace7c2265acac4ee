//! What models cost: reserved before a request leaves, settled when its answer is over, and counted
//! against budgets. Money is a whole number of millionths; which currency is the user's.

use crate::ids::{AgentId, RunId, Time};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Bounds of what is remembered.
pub mod bounds {
    /// Reservations that are open at once, refused beyond: each is a connection that waits.
    pub const OPEN: usize = 1_000;
    /// Budgets that one request is held against.
    pub const BUDGETS: usize = 16;
}

/// Millionths of a unit of money, in one unit.
pub const MICROS: u64 = 1_000_000;
const DAY_MS: i64 = 86_400_000;

/// Tokens, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    pub tokens: u64,
    pub micros: u64,
}

impl Spend {
    /// Both together.
    pub fn plus(self, other: Spend) -> Spend {
        Spend {
            tokens: self.tokens.saturating_add(other.tokens),
            micros: self.micros.saturating_add(other.micros),
        }
    }

    fn minus(self, other: Spend) -> Spend {
        Spend {
            tokens: self.tokens.saturating_sub(other.tokens),
            micros: self.micros.saturating_sub(other.micros),
        }
    }

    /// What of it a budget counts.
    pub fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Cost => self.micros,
        }
    }
}

crate::violation::words! {
    /// What a budget counts.
    Unit {
        Tokens = "tokens",
        /// In millionths.
        Cost = "cost",
    }
}

crate::violation::words! {
    /// Whose use a budget counts together.
    Scope {
        PerRun = "per_run",
        /// An agent's, of one day (UTC).
        PerAgentDay = "per_agent_day",
        /// Everybody's, for as long as the journal remembers.
        Total = "total",
    }
}

/// One budget, as its owner wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub scope: Scope,
    pub unit: Unit,
    pub limit: u64,
    /// Where it is written: file, line and column.
    pub origin: String,
}

/// A budget that has no room for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverBudget {
    pub budget: Budget,
    pub used: u64,
    pub asked: u64,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { scope, unit, limit, origin } = &self.budget;
        let show = |amount| Amount { unit: *unit, amount };
        write!(
            f,
            "the budget {scope}.{unit} of {} ({origin}) has {} left, and this request may need {}",
            show(*limit),
            show(limit.saturating_sub(self.used)),
            show(self.asked)
        )
    }
}

/// An amount with its unit, for people.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    pub unit: Unit,
    pub amount: u64,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Tokens => write!(f, "{} tokens", self.amount),
            Unit::Cost => {
                let (whole, part) = (self.amount / MICROS, self.amount % MICROS);
                let digits = alloc::format!("{part:06}");
                // Cents are always shown, what is smaller only where there is something.
                let kept = digits.trim_end_matches('0').len().max(2);
                write!(f, "{whole}.{}", &digits[..kept])
            }
        }
    }
}

/// How a reservation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The endpoint said what was used.
    Reported,
    /// Nothing was used: the request never left, or was refused.
    Unused,
    /// Nobody knows, so that all of it counts.
    Unknown,
}

/// Something that happened to a request of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The most that a request may use was set aside; only then it leaves.
    Reserved { id: u64, reservation: Reservation },
    /// What was used counts from now on, in place of what was set aside.
    Settled { id: u64, agent: AgentId, run: RunId, spend: Spend, ending: Ending },
}

impl Fact {
    /// Whose request it is about.
    pub fn whose(&self) -> (AgentId, RunId) {
        match self {
            Fact::Reserved { reservation, .. } => (reservation.agent, reservation.run),
            Fact::Settled { agent, run, .. } => (*agent, *run),
        }
    }
}

/// What is set aside for one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub agent: AgentId,
    pub run: RunId,
    /// The model's name in its owner's file.
    pub model: String,
    pub spend: Spend,
}

/// A reservation that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub reservation: Reservation,
    /// The day that it counts for.
    pub day: i64,
}

/// What was used and is set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// The next reservation.
    pub next: u64,
    pub open: BTreeMap<u64, Open>,
    /// Of everybody, what is set aside included.
    pub total: Spend,
    /// Of each agent that used any on the newest day that it did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub days: BTreeMap<AgentId, Day>,
    /// Of each run that used any and has not ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<RunId, Spend>,
}

/// What an agent used on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Days since 1970, UTC.
    pub day: i64,
    pub spend: Spend,
}

/// The day that a time is in.
pub fn day(at: Time) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// Seconds until the next day.
pub fn seconds_left(at: Time) -> u64 {
    let left_ms = DAY_MS - at.0.rem_euclid(DAY_MS);
    u64::try_from(left_ms).unwrap_or(0).div_ceil(1_000)
}

impl Spending {
    /// What counts against a budget now.
    pub fn used(&self, scope: Scope, agent: AgentId, run: RunId, now: Time) -> Spend {
        match scope {
            Scope::PerRun => self.runs.get(&run).copied().unwrap_or_default(),
            Scope::PerAgentDay => self.today(agent, now),
            Scope::Total => self.total,
        }
    }

    /// What an agent used on the day of `now`.
    pub fn today(&self, agent: AgentId, now: Time) -> Spend {
        let of_today = self.days.get(&agent).filter(|known| known.day == day(now));
        of_today.map_or(Spend::default(), |known| known.spend)
    }

    /// What is set aside of all.
    pub fn reserved(&self) -> Spend {
        self.open.values().fold(Spend::default(), |sum, open| sum.plus(open.reservation.spend))
    }

    /// The first of some budgets that has no room for a request.
    pub fn over(
        &self,
        budgets: &[Budget],
        agent: AgentId,
        run: RunId,
        asked: Spend,
        now: Time,
    ) -> Option<OverBudget> {
        budgets.iter().find_map(|budget| {
            let used = self.used(budget.scope, agent, run, now).of(budget.unit);
            let asked = asked.of(budget.unit);
            let is_over = used.saturating_add(asked) > budget.limit;
            is_over.then(|| OverBudget { budget: budget.clone(), used, asked })
        })
    }

    /// The open reservations of a run, or of all.
    pub fn open_of(&self, run: Option<RunId>) -> Vec<u64> {
        let of_run = |open: &Open| run.is_none_or(|run| run == open.reservation.run);
        self.open.iter().filter(|(_, open)| of_run(open)).map(|(id, _)| *id).collect()
    }

    pub(crate) fn reserve(&mut self, reservation: &Reservation, now: Time) {
        let Reservation { agent, run, spend, .. } = reservation;
        let today = day(now);
        self.days.retain(|_, known| known.day == today);
        let of_agent =
            self.days.entry(*agent).or_insert(Day { day: today, spend: Spend::default() });
        of_agent.spend = of_agent.spend.plus(*spend);
        let of_run = self.runs.entry(*run).or_default();
        *of_run = of_run.plus(*spend);
        self.total = self.total.plus(*spend);
        self.open.insert(self.next, Open { reservation: reservation.clone(), day: today });
        self.next += 1;
    }

    /// What was used counts for the day on which it was set aside, if that is still counted.
    pub(crate) fn settle(&mut self, open: &Open, spend: Spend) {
        let Open { reservation, day } = open;
        let turn = |sum: &mut Spend| *sum = sum.minus(reservation.spend).plus(spend);
        turn(&mut self.total);
        let of_agent = self.days.get_mut(&reservation.agent);
        if let Some(of_agent) = of_agent.filter(|known| known.day == *day) {
            turn(&mut of_agent.spend);
        }
        if let Some(of_run) = self.runs.get_mut(&reservation.run) {
            turn(of_run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn money_is_exact() {
        let show = |amount| Amount { unit: Unit::Cost, amount };
        let text =
            [0, 1, 10_000, 500_000, 1_234_567, 20_000_000].map(|m| alloc::format!("{}", show(m)));
        assert_eq!(text, ["0.00", "0.000001", "0.01", "0.50", "1.234567", "20.00"]);
    }

    #[test]
    fn what_is_set_aside_counts_until_it_is_settled() {
        let (agent, run) = (AgentId(1), RunId(2));
        let mut spending = Spending::default();
        let budget =
            |scope, unit, limit| Budget { scope, unit, limit, origin: "m.yaml:3:5".into() };
        let budgets = [
            budget(Scope::PerRun, Unit::Tokens, 1_000),
            budget(Scope::PerAgentDay, Unit::Cost, 50_000),
        ];
        let asked = Spend { tokens: 600, micros: 10_000 };
        let model = String::from("small");
        let one = Reservation { agent, run, model, spend: asked };
        let now = Time(86_400_000 * 3 - 1_500);
        assert_eq!(spending.over(&budgets, agent, run, asked, now), None);
        spending.reserve(&one, now);
        let over = spending.over(&budgets, agent, run, asked, now).expect("no room");
        expect!["the budget per_run.tokens of 1000 tokens (m.yaml:3:5) has 400 tokens left, and this request may need 600 tokens"]
            .assert_eq(&alloc::format!("{over}"));
        assert_eq!(spending.over(&budgets, agent, RunId(3), asked, now), None);
        let open = spending.open.remove(&0).expect("open");
        spending.settle(&open, Spend { tokens: 40, micros: 45_000 });
        let over = spending.over(&budgets, agent, run, asked, now).expect("no room");
        expect!["the budget per_agent_day.cost of 0.05 (m.yaml:3:5) has 0.005 left, and this request may need 0.01"]
            .assert_eq(&alloc::format!("{over}"));
        assert_eq!(seconds_left(now), 2);
        let tomorrow = now.plus(2_000);
        assert_eq!(spending.over(&budgets, agent, run, asked, tomorrow), None);
    }
}
