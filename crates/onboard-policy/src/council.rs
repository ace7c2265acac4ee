//! Who decides: the council's seats and rules as they are configured, and what votes come to. Pure.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use onboard_domain::Actor;
use onboard_domain::council::{Ballot, Kind, Motion, Seat};
use onboard_text::{Document, Item, Problem, duration};

/// Holders of one seat: a committee, not a crowd.
const HOLDERS: usize = 32;

/// How long a motion waits for people: over a weekend.
const WAITS_MS: i64 = 4 * 24 * 3_600_000;

/// Shortest and longest such time that may be asked for: a minute, and a quarter of a year.
const WAITS_RANGE_MS: (i64, i64) = (60_000, 90 * 24 * 3_600_000);

/// The people's seats, as a quorum counts them.
const PEOPLE: [Seat; 2] = [Seat::UserRepresentative, Seat::SystemAdministrator];

/// Who may sit on a seat of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    Uid(u32),
    /// A local user's name.
    Name(String),
}

/// What one kind of decision needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Seats of people that have to say yes.
    pub quorum: u32,
    /// Seats whose no is enough.
    pub veto: Vec<Seat>,
}

/// The council as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Council {
    /// Holders of people's seats; one that is not here is everybody's whom the daemon answers to.
    pub seats: BTreeMap<Seat, Vec<Holder>>,
    /// Whether who asks for something may vote on it.
    pub requester_may_vote: bool,
    pub waits_ms: i64,
    pub rules: BTreeMap<Kind, Rule>,
    /// The file, or `the defaults`.
    pub origin: String,
    /// Why the file is not in force: then nothing is decided.
    pub problem: Option<String>,
}

/// What the votes on a motion come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tally {
    Carried(String),
    Lost(String),
    /// Who or what is missing.
    Waits(String),
}

impl Default for Council {
    /// The council of one person: the local user holds both seats.
    fn default() -> Council {
        let automatic = [Seat::SafetyMonitor, Seat::ResourceManager];
        let rule = |kind: &Kind| {
            let (quorum, veto) = match kind {
                Kind::DeployAgent | Kind::WidenLimit => (1, automatic.to_vec()),
                Kind::ApplyProposal | Kind::AgentAction => (1, alloc::vec![Seat::SafetyMonitor]),
                Kind::ApplyProtectedProposal => (2, alloc::vec![Seat::SafetyMonitor]),
                // What the rules say of these is advice: people lift what rules have brought about.
                Kind::LiftQuarantine | Kind::LiftEmergency | Kind::CloseIncident => (1, Vec::new()),
                // Whoever may write the file has decided; it is on record.
                Kind::ChangePolicy => (0, Vec::new()),
            };
            (*kind, Rule { quorum, veto })
        };
        Council {
            seats: BTreeMap::new(),
            requester_may_vote: true,
            waits_ms: WAITS_MS,
            rules: Kind::ALL.iter().map(rule).collect(),
            origin: "the defaults".into(),
            problem: None,
        }
    }
}

/// Reads a council that people know as `file`:
///
/// ```yaml
/// council:
///   seats:
///     user_representative: [ada]
///     system_administrator: [root]
///   requester_may_vote: true
///   waits: 4d
///   decisions:
///     deploy_agent:
///       quorum: 2
///       veto: [safety_monitor, system_administrator]
/// ```
///
/// # Errors
/// The first thing that is wrong, at its place, with what would be right.
pub fn parse_council(text: &str, file: &str) -> Result<Council, Problem> {
    let document = Document::parse(file, text)?;
    let mut council = Council { origin: file.into(), ..Council::default() };
    let top = document.root().fields(&["council"])?.required("council")?;
    let fields = top.fields(&["seats", "requester_may_vote", "waits", "decisions"])?;
    if let Some(item) = fields.get("seats") {
        council.seats = seats(&item)?;
    }
    if let Some(item) = fields.get("requester_may_vote") {
        council.requester_may_vote = item.boolean()?;
    }
    if let Some(item) = fields.get("waits") {
        council.waits_ms = item.duration_ms(WAITS_RANGE_MS.0..=WAITS_RANGE_MS.1)?;
    }
    if let Some(item) = fields.get("decisions") {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        let given = item.fields(&names)?;
        for kind in Kind::ALL {
            if let Some(item) = given.get(kind.word()) {
                let before = council.rules[kind].clone();
                council.rules.insert(*kind, rule(&item, before)?);
            }
        }
    }
    Ok(council)
}

fn seats(item: &Item<'_>) -> Result<BTreeMap<Seat, Vec<Holder>>, Problem> {
    let names = PEOPLE.map(Seat::word);
    let fields = item.fields(&names)?;
    let mut seats = BTreeMap::new();
    for seat in PEOPLE {
        let Some(item) = fields.get(seat.word()) else { continue };
        let holders: Result<Vec<Holder>, Problem> =
            item.list(HOLDERS)?.iter().map(holder).collect();
        let holders = holders?;
        if holders.is_empty() {
            return Err(item
                .problem(format!("nobody holds the seat of the {}", seat.title()))
                .mend("name a local user, such as `[root]`, or leave the line out"));
        }
        seats.insert(seat, holders);
    }
    Ok(seats)
}

fn holder(item: &Item<'_>) -> Result<Holder, Problem> {
    let text = item.text()?;
    Ok(text.parse().map_or_else(|_| Holder::Name(text.into()), Holder::Uid))
}

fn rule(item: &Item<'_>, before: Rule) -> Result<Rule, Problem> {
    let fields = item.fields(&["quorum", "veto"])?;
    let quorum = match fields.get("quorum") {
        // What nobody need agree to by default may stay so; nothing else is decided by rules alone.
        Some(item) => {
            let range = u64::from(before.quorum.min(1))..=PEOPLE.len() as u64;
            u32::try_from(item.integer(range)?).unwrap_or(before.quorum)
        }
        None => before.quorum,
    };
    let table: Vec<(&str, Seat)> = Seat::ALL.iter().map(|seat| (seat.word(), *seat)).collect();
    let veto = match fields.get("veto") {
        Some(item) => {
            let seats = item.list(Seat::ALL.len())?;
            seats.iter().map(|seat| seat.one_of(&table)).collect::<Result<_, _>>()?
        }
        None => before.veto,
    };
    Ok(Rule { quorum, veto })
}

impl Council {
    /// A council whose configuration is wrong: nothing is decided until it is mended.
    pub fn broken(problem: String, origin: &str) -> Council {
        Council { problem: Some(problem), origin: origin.into(), ..Council::default() }
    }

    /// What a kind of decision needs.
    pub fn rule(&self, kind: Kind) -> Rule {
        let strictest = || Rule { quorum: PEOPLE.len() as u32, veto: Seat::ALL.to_vec() };
        self.rules.get(&kind).cloned().unwrap_or_else(strictest)
    }

    /// The seats that a person holds. An agent and the daemon hold none.
    pub fn seats_of(&self, actor: &Actor) -> Vec<Seat> {
        let Actor::Person { uid, name } = actor else { return Vec::new() };
        let is = |holder: &Holder| match holder {
            Holder::Uid(held) => held == uid,
            Holder::Name(held) => held == name,
        };
        let holds =
            |seat: &&Seat| self.seats.get(*seat).is_none_or(|holders| holders.iter().any(is));
        PEOPLE.iter().filter(holds).copied().collect()
    }

    /// The seats with which a person may vote on a motion; none where they asked for it themselves
    /// and the council wants another's yes.
    pub fn votes_of(&self, actor: &Actor, motion: &Motion) -> Vec<Seat> {
        if !self.requester_may_vote && is_same(actor, &motion.by) {
            return Vec::new();
        }
        self.seats_of(actor)
    }

    /// What the votes come to.
    pub fn tally(&self, motion: &Motion) -> Tally {
        let rule = self.rule(motion.subject.kind());
        let said = |seat: Seat, ballot: Ballot| {
            motion.votes.get(&seat).is_some_and(|cast| cast.vote.ballot == ballot)
        };
        if let Some(seat) = rule.veto.iter().find(|seat| said(**seat, Ballot::Reject)) {
            let reasons = motion.votes[seat].vote.reasons.join("; ");
            return Tally::Lost(format!("veto of the {}: {reasons}", seat.title()));
        }
        let yes = count(|seat| said(seat, Ballot::Approve));
        let no = count(|seat| said(seat, Ballot::Reject));
        if yes >= rule.quorum && (rule.quorum > 0 || no == 0) {
            return Tally::Carried(carried(yes, rule.quorum));
        }
        if PEOPLE.len() as u32 - no < rule.quorum.max(1) {
            return Tally::Lost(refused(motion));
        }
        let silent: Vec<String> = PEOPLE
            .into_iter()
            .filter(|seat| !said(*seat, Ballot::Approve) && !said(*seat, Ballot::Reject))
            .map(|seat| self.named(seat))
            .collect();
        let more = rule.quorum.saturating_sub(yes);
        Tally::Waits(format!("{more} more yes, of {}", silent.join(" or ")))
    }

    /// A seat with who holds it.
    pub fn named(&self, seat: Seat) -> String {
        format!("{} ({})", seat.title(), self.holders(seat))
    }

    /// Who holds a seat, for people.
    pub fn holders(&self, seat: Seat) -> String {
        if !seat.is_of_people() {
            return "rules".into();
        }
        match self.seats.get(&seat) {
            None => "the local user".into(),
            Some(holders) => {
                let words: Vec<String> = holders
                    .iter()
                    .map(|holder| match holder {
                        Holder::Uid(uid) => format!("uid {uid}"),
                        Holder::Name(name) => name.clone(),
                    })
                    .collect();
                words.join(", ")
            }
        }
    }

    /// How long a motion waits, for people.
    pub fn waits(&self) -> String {
        duration::show(self.waits_ms)
    }
}

/// How many said yes, and how many had to: more may have than had to.
fn carried(yes: u32, needed: u32) -> String {
    let said = match yes {
        0 => return "it takes nobody's yes".into(),
        1 => String::from("1 seat of people said yes"),
        many => format!("{many} seats of people said yes"),
    };
    match needed {
        0 => format!("{said}, none had to"),
        some => format!("{said}, {some} had to"),
    }
}

/// Who said no and why, each reason once: one person may hold both seats.
fn refused(motion: &Motion) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for seat in PEOPLE {
        let cast = motion.votes.get(&seat).filter(|cast| cast.vote.ballot == Ballot::Reject);
        for reason in cast.into_iter().flat_map(|cast| &cast.vote.reasons) {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
    }
    format!("people said no: {}", reasons.join("; "))
}

fn count(is: impl Fn(Seat) -> bool) -> u32 {
    PEOPLE.into_iter().map(|seat| u32::from(is(seat))).sum()
}

/// Whether the two are the same person.
fn is_same(one: &Actor, other: &Actor) -> bool {
    match (one, other) {
        (Actor::Person { uid, .. }, Actor::Person { uid: other, .. }) => uid == other,
        _ => false,
    }
}
