//! Tells others what happened: one thread that follows the journal. What is to be told is looked for
//! there, kept in the outbox, and sent until it is taken or given up. The thread may die at any moment:
//! the next one goes on where the outbox stands, and what may have been sent is sent as the same again.

use super::outbox::{Outbox, Post};
use super::retry::{AGE_MS, Came, Then, then};
use super::{Hook, Hooks, Way, signature};
use crate::brokerage::Trust;
use crate::clock::{self, Pace};
use crate::handle::{Handle, Published};
use onboard_domain::{Batch, State, Time};
use onboard_egress::Internet;
use onboard_egress::broker::Target;
use onboard_egress::visit::{self, Unanswered};
use onboard_journal::{Journal, SqliteJournal};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long an attempt may take after it is connected: Standard Webhooks advises 15 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// Entries of the journal that are looked at in one go, and their bytes.
const PAGE: (usize, usize) = (512, 4 << 20);
/// How long entries gather before they are looked at: a burst is one look.
const GATHER: Duration = Duration::from_millis(200);
/// The longest that nothing is looked at: whatever happens wakes it, also to webhooks that are new.
const SLEEP_MAX: Duration = Duration::from_secs(3600);
/// The pause after something failed on this machine, such as a full disk.
const AGAIN: Duration = Duration::from_secs(60);
/// Bytes of a reason that is kept.
const WHY: usize = 300;

/// Which events a person wants told: by their kinds or the beginnings of these, of the projects with these
/// roots. What belongs to no project is everybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub events: Vec<String>,
    pub projects: Vec<String>,
}

/// What is told of an entry of the journal.
pub type Render = Arc<dyn Fn(&State, &Wanted, u64, &Batch) -> Vec<Post> + Send + Sync>;

/// Begins. The thread ends with the process.
pub(crate) fn start(handle: Handle, render: Render, trust: Trust) -> io::Result<()> {
    let hooks = Hooks::new(handle.paths().hooks());
    // Nothing is missed between this and the first look.
    let (published, known) = (handle.follow(), handle.folded());
    let pace = Pace::begin();
    let messenger = Messenger { handle, render, trust, hooks, outbox: None, pace, known };
    let run = move || messenger.run(published);
    std::thread::Builder::new().name("messenger".into()).spawn(run).map(drop)
}

struct Messenger {
    handle: Handle,
    render: Render,
    trust: Trust,
    hooks: Hooks,
    /// There from the first webhook on.
    outbox: Option<Outbox>,
    pace: Pace,
    /// The newest entry of the journal at the look before: a webhook that is new is told what came since.
    known: u64,
}

/// Whom to tell what.
struct Hearer {
    name: String,
    hook: Hook,
    to: Target,
    may_be_private: bool,
    wanted: Wanted,
}

impl Messenger {
    fn run(mut self, mut published: Receiver<Published>) {
        let mut told = String::new();
        loop {
            let pause = self.round().unwrap_or_else(|why| {
                // Once for each reason: it is tried again and again.
                if why != told {
                    eprintln!("webhooks can't be sent: {why}");
                    told = why;
                }
                AGAIN
            });
            if !sleep(&published, pause) {
                // It lagged behind while it sent; what it missed is in the journal.
                published = self.handle.follow();
            }
        }
    }

    /// Looks for what is new, tries one post of each webhook, and says how long nothing is to be done.
    fn round(&mut self) -> Result<Duration, String> {
        let hearers = self.hearers()?;
        let head = self.handle.folded();
        if hearers.is_empty() && self.outbox.is_none() {
            self.known = head;
            return Ok(SLEEP_MAX);
        }
        let mut outbox = match self.outbox.take() {
            Some(outbox) => outbox,
            None => Outbox::open(&self.handle.paths().outbox()).map_err(text)?,
        };
        let done = self.look_and_send(&mut outbox, &hearers, head);
        self.outbox = Some(outbox);
        self.known = head;
        done
    }

    fn look_and_send(
        &self,
        outbox: &mut Outbox,
        hearers: &[Hearer],
        head: u64,
    ) -> Result<Duration, String> {
        // One that can't be read for a while is told later.
        outbox.keep_only(&self.hooks.names().map_err(text)?).map_err(text)?;
        for hearer in hearers {
            let way = serde_json::to_string(&hearer.hook.way).map_err(text)?;
            outbox.belongs_to(&hearer.name, &way).map_err(text)?;
            self.look(outbox, hearer, head)?;
        }
        for hearer in hearers {
            self.attempt(outbox, hearer).map_err(text)?;
        }
        let next = |hearer: &Hearer| outbox.next(&hearer.name).map_err(text);
        let next = hearers.iter().map(next).collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
        let ms = next.min().and_then(|next| u64::try_from(next.since(clock::wall()).max(0)).ok());
        Ok(ms.map_or(SLEEP_MAX, Duration::from_millis).min(SLEEP_MAX))
    }

    /// The webhooks that go out. One that can't be used is said in its `show`, and costs no other one.
    fn hearers(&self) -> Result<Vec<Hearer>, String> {
        let names = self.hooks.names().map_err(text)?;
        let of = |name: String| {
            let hook = self.hooks.get(&name).ok()?;
            let Way::Out { to, may_be_private, wanted } = &hook.way else { return None };
            let (to, wanted) = (Target::url(to).ok()?, wanted.clone());
            Some(Hearer { name, to, may_be_private: *may_be_private, wanted, hook })
        };
        Ok(names.into_iter().filter_map(of).collect())
    }

    /// Puts into the outbox what the journal has that was not looked at yet.
    fn look(&self, outbox: &mut Outbox, hearer: &Hearer, head: u64) -> Result<(), String> {
        let (name, journal) = (&hearer.name, self.handle.paths().journal());
        let mut seen = match outbox.seen(name).map_err(text)? {
            // A journal that was begun anew has less than was looked at.
            Some(seen) if seen <= head => seen,
            Some(_) => head,
            None => self.known.min(head),
        };
        if seen == head {
            return outbox.put(name, &[], seen).map_err(text);
        }
        let journal = SqliteJournal::open_read_only(&journal).map_err(text)?;
        let anchor = journal.anchor().map_err(text)?.seq;
        if seen < anchor {
            let lost = lost(seen, anchor);
            outbox.put(name, std::slice::from_ref(&lost), anchor).map_err(text)?;
            outbox.give_up(name, &lost, "dropped from the journal before").map_err(text)?;
            seen = anchor;
        }
        while seen < head {
            let page = journal.read(seen, PAGE.0, PAGE.1).map_err(text)?;
            let Some(last) = page.last() else { return Ok(()) };
            let mut posts = Vec::new();
            for entry in &page {
                let batch = Batch::decode(&entry.body).map_err(text)?;
                posts.extend(
                    self.handle
                        .read(|state| (self.render)(state, &hearer.wanted, entry.seq, &batch)),
                );
            }
            seen = last.seq;
            outbox.put(name, &posts, seen).map_err(text)?;
        }
        Ok(())
    }

    /// Tries the post of a webhook whose time has come, if there is one.
    fn attempt(&self, outbox: &mut Outbox, hearer: &Hearer) -> rusqlite::Result<()> {
        let (name, now) = (&hearer.name, clock::wall());
        outbox.give_up_older(name, now.plus(-AGE_MS), "a day is over")?;
        let Some((post, failures)) = outbox.due(name, now)? else { return Ok(()) };
        let came = self.send(hearer, &post, now);
        let now = clock::wall();
        let dice = post.seq.wrapping_mul(31).wrapping_add(now.0.unsigned_abs());
        match then(&came, post.attempts, failures, now, dice) {
            Then::Delivered => outbox.delivered(name, &post),
            Then::PutOff(next, why) => outbox.put_off(name, &post, next, cut(&why)),
            Then::Rest(next, why) => outbox.rest(name, next, cut(&why)),
            Then::GiveUp(why) => outbox.give_up(name, &post, cut(&why)),
        }
    }

    fn send(&self, hearer: &Hearer, post: &Post, now: Time) -> Came {
        let Hearer { hook, to, may_be_private, .. } = hearer;
        let id = self.id(post);
        let signed = signature::sign(hook, &id, &post.body, now);
        let mut fields = vec![("User-Agent", "ai_onboard")];
        fields.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let (target, json, may_be_private) = (to, post.body.as_slice(), *may_be_private);
        let request = visit::Post { target, may_be_private, fields: &fields, json };
        let clock = || Duration::from_millis(u64::try_from(self.pace.now().0).unwrap_or(0));
        match visit::post(&request, (&Internet, &self.trust.tls()), PATIENCE, &clock) {
            Ok(answer) => Came::Status(answer.status, retry_after(&answer.fields)),
            Err(Unanswered::Refused(why)) => Came::Nothing(format!("{why}; see --private")),
            Err(why) => Came::Nothing(why.to_string()),
        }
    }

    /// The same for the same event, over restarts, and another on every other machine.
    fn id(&self, post: &Post) -> String {
        let instance = crate::start::instance(&self.handle.paths().state);
        format!("evt_{instance}_{}_{}_{}", post.seq, post.index, post.time.0)
    }
}

/// What stands for events that nobody can look at any more.
fn lost(seen: u64, anchor: u64) -> Post {
    let kind = format!("entries {} to {anchor} of the journal", seen + 1);
    Post { seq: anchor, index: 0, kind, time: Time(0), body: Vec::new(), attempts: 0 }
}

fn retry_after(fields: &[(String, String)]) -> Option<i64> {
    fields.iter().find(|(name, _)| name == "retry-after")?.1.trim().parse().ok()
}

fn cut(why: &str) -> &str {
    crate::cut::cut(why, WHY)
}

fn text(why: impl Display) -> String {
    why.to_string()
}

/// Sleeps until something was published, and what follows at once has gathered; false where nothing is
/// published here any more.
fn sleep(published: &Receiver<Published>, pause: Duration) -> bool {
    match published.recv_timeout(pause) {
        Err(RecvTimeoutError::Timeout) => return true,
        Err(RecvTimeoutError::Disconnected) => return false,
        Ok(_) => {}
    }
    let pace = Pace::begin();
    loop {
        let passed = Duration::from_millis(u64::try_from(pace.now().0).unwrap_or(0));
        let Some(left) = GATHER.checked_sub(passed) else { return true };
        match published.recv_timeout(left) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}
