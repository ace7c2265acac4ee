//! What follows from an attempt to tell others. Pure.

use onboard_domain::Time;

/// After the first attempt that failed; each further one waits four times as long, up to [`PAUSE_MAX_MS`].
/// Standard Webhooks begins so, too.
const PAUSE_MS: i64 = 5_000;
/// So that whoever comes back after a night hears of it within the hour.
const PAUSE_MAX_MS: i64 = 3_600_000;
/// Attempts of one post that somebody answers and doesn't take: over some six hours.
pub const ATTEMPTS: u32 = 12;
/// How old an event may be when it is told: older news are looked up, not waited for.
pub const AGE_MS: i64 = 24 * 3_600_000;

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was answered, perhaps with the seconds after which to come again.
    Status(u16, Option<i64>),
    /// No whole answer came.
    Nothing(String),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    Delivered,
    /// This post again then; others meanwhile.
    PutOff(Time, String),
    /// Nothing to this address before then.
    Rest(Time, String),
    GiveUp(String),
}

/// Decides. `attempts` were answered and not taken before, `failures` in a row were not answered;
/// `dice` is any number.
pub fn then(came: &Came, attempts: u32, failures: u32, now: Time, dice: u64) -> Then {
    match came {
        Came::Status(200..=299, _) => Then::Delivered,
        Came::Status(410, _) => {
            Then::GiveUp("it answered 410: nobody wants it there any more".into())
        }
        Came::Status(status @ (429 | 502 | 503 | 504), after) => {
            let asked = after.unwrap_or(0).saturating_mul(1000).clamp(0, PAUSE_MAX_MS);
            let pause = pause(failures, dice).max(asked);
            Then::Rest(now.plus(pause), format!("it answered {status}"))
        }
        Came::Status(status, _) if attempts + 1 >= ATTEMPTS => {
            Then::GiveUp(format!("it answered {status}, {ATTEMPTS} times"))
        }
        Came::Status(status, _) => {
            let hint = match status {
                300..=399 => ": redirects are not followed",
                _ => "",
            };
            Then::PutOff(now.plus(pause(attempts, dice)), format!("it answered {status}{hint}"))
        }
        Came::Nothing(why) => Then::Rest(now.plus(pause(failures, dice)), why.clone()),
    }
}

/// The pause after so many before, a fifth more or less, so that not all come at once.
fn pause(before: u32, dice: u64) -> i64 {
    let base = PAUSE_MS.saturating_mul(4_i64.saturating_pow(before)).min(PAUSE_MAX_MS);
    let part = i64::try_from(dice % 401).unwrap_or(0) - 200;
    base + base / 1000 * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_follows_is_told_by_the_answer() {
        let cases = [
            Came::Status(204, None),
            Came::Status(301, None),
            Came::Status(400, None),
            Came::Status(410, None),
            Came::Status(429, Some(120)),
            Came::Status(429, Some(i64::MAX)),
            Came::Status(503, Some(-5)),
            Came::Status(500, None),
            Came::Nothing("the answer was cut off".into()),
        ];
        let line = |came: &Came| format!("{came:?}: {:?}\n", then(came, 0, 0, Time(0), 200));
        expect![[r#"
            Status(204, None): Delivered
            Status(301, None): PutOff(Time(5000), "it answered 301: redirects are not followed")
            Status(400, None): PutOff(Time(5000), "it answered 400")
            Status(410, None): GiveUp("it answered 410: nobody wants it there any more")
            Status(429, Some(120)): Rest(Time(120000), "it answered 429")
            Status(429, Some(9223372036854775807)): Rest(Time(3600000), "it answered 429")
            Status(503, Some(-5)): Rest(Time(5000), "it answered 503")
            Status(500, None): PutOff(Time(5000), "it answered 500")
            Nothing("the answer was cut off"): Rest(Time(5000), "the answer was cut off")
        "#]]
        .assert_eq(&cases.iter().map(line).collect::<String>());
        let last = then(&Came::Status(500, None), ATTEMPTS - 1, 0, Time(0), 0);
        expect![[r#"GiveUp("it answered 500, 12 times")"#]].assert_eq(&format!("{last:?}"));
    }

    #[test]
    fn pauses_grow_up_to_an_hour_and_differ() {
        let at = |before| (pause(before, 0), pause(before, 400));
        let all: Vec<(i64, i64)> = (0..8).chain([60]).map(at).collect();
        expect!["[(4000, 6000), (16000, 24000), (64000, 96000), (256000, 384000), (1024000, 1536000), (2880000, 4320000), (2880000, 4320000), (2880000, 4320000), (2880000, 4320000)]"].assert_eq(&format!("{all:?}"));
        let hours = (0..ATTEMPTS).map(|before| pause(before, 200)).sum::<i64>() / 3_600_000;
        assert_eq!(hours, 7);
    }
}
