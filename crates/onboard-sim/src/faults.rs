//! What can go wrong in the made-up world, each to be switched on by itself.

use core::fmt;
use std::collections::BTreeSet;
use std::str::FromStr;

/// One way in which the world fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Agents end with an error, by a signal or for want of memory.
    Crash,
    /// Agents hang until their deadline.
    Hang,
    /// Agents fail every run for hours, then none.
    Flap,
    /// Agents take many times as long.
    Slow,
    /// Launches are refused.
    Refuse,
    /// The daemon dies, before or after its step is durable.
    Kill,
    /// The wall clock jumps, and the machine sleeps.
    Clock,
    /// Effects come to pass twice or not at all.
    Effects,
    /// People and programs give bursts of commands, wrong ones among them.
    Commands,
    /// The host is short of processor, memory or power.
    Pressure,
    /// Agents flood each other with messages, events and leases.
    Traffic,
    /// Agents try what they may not, in storms, and call for people.
    Hostile,
    /// Agents ask before they act, and people answer late, in part or never.
    Silent,
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 13] = [
        Fault::Crash,
        Fault::Hang,
        Fault::Flap,
        Fault::Slow,
        Fault::Refuse,
        Fault::Kill,
        Fault::Clock,
        Fault::Effects,
        Fault::Commands,
        Fault::Pressure,
        Fault::Traffic,
        Fault::Hostile,
        Fault::Silent,
    ];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Fault::Crash => "crash",
            Fault::Hang => "hang",
            Fault::Flap => "flap",
            Fault::Slow => "slow",
            Fault::Refuse => "refuse",
            Fault::Kill => "kill",
            Fault::Clock => "clock",
            Fault::Effects => "effects",
            Fault::Commands => "commands",
            Fault::Pressure => "pressure",
            Fault::Traffic => "traffic",
            Fault::Hostile => "hostile",
            Fault::Silent => "silent",
        }
    }
}

/// The faults that are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeSet<Fault>);

impl Faults {
    /// A world in which nothing but the ordinary goes wrong.
    pub fn none() -> Faults {
        Faults::default()
    }

    /// A world in which everything does.
    pub fn all() -> Faults {
        Faults(Fault::ALL.into())
    }

    /// Whether a fault is on.
    pub fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().copied()
    }

    /// The same without one.
    pub fn without(&self, fault: Fault) -> Faults {
        let mut left = self.clone();
        left.0.remove(&fault);
        left
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        if self.0.len() == Fault::ALL.len() {
            return f.write_str("all");
        }
        for (index, fault) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", fault.word())?;
        }
        Ok(())
    }
}

impl FromStr for Faults {
    type Err = String;

    /// Reads `all`, `none` or words with commas between them.
    fn from_str(text: &str) -> Result<Faults, String> {
        match text {
            "all" => return Ok(Faults::all()),
            "none" => return Ok(Faults::none()),
            _ => {}
        }
        let one = |word: &str| {
            let known = Fault::ALL.into_iter().find(|fault| fault.word() == word);
            known.ok_or_else(|| {
                let words: Vec<_> = Fault::ALL.iter().map(|fault| fault.word()).collect();
                format!("`{word}` is no fault; there are all, none, {}", words.join(", "))
            })
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Faults)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults};

    #[test]
    fn text_round_trip() {
        for text in ["all", "none", "crash,kill", "hang"] {
            assert_eq!(text.parse::<Faults>().map(|faults| faults.to_string()), Ok(text.into()));
        }
        let without = Fault::ALL.into_iter().fold(Faults::all(), |left, fault| left.without(fault));
        assert!(without.is_empty());
        assert!("crash,storm".parse::<Faults>().is_err_and(|why| why.contains("`storm`")));
    }
}
