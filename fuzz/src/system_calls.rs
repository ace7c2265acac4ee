//! A run's call is judged whatever stands in its registers and memory: texts are bounded and escaped,
//! what the filter refuses is refused whatever memory says, more that is forbidden never allows
//! more, and a mask lets nothing pass.

use onboard_domain::violation::bounds;
use onboard_sandbox::fuzzing::{Recorded, ask_mask, judge};

/// `EACCES`, and `ENOSYS`, which the kernel takes for "no need to ask".
const DENIED: i32 = -13;
const NO_NEED: i32 = -38;
/// What a mask may be asked, by the kernel's numbers: what it is, and nothing that is in it.
const ABOUT_ITSELF: [u32; 9] = [2, 3, 17, 22, 23, 26, 36, 42, 52];

/// See the module.
pub fn check(bytes: &[u8]) {
    mask(bytes);
    let Some(event) = event(bytes) else { return };
    let Some((errno, violation)) = judge(&event) else { return };
    if let Some(violation) = &violation {
        let texts = [
            (&violation.what, bounds::WHAT),
            (&violation.target, bounds::TARGET),
            (&violation.comm, bounds::COMM),
        ];
        let resolved = violation.resolved.iter().map(|text| (text, bounds::TARGET));
        for (text, most) in texts.into_iter().chain(resolved) {
            assert!(text.len() <= most, "{} bytes: {text}", text.len());
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
    assert!(errno.is_none() || violation.is_some(), "what is refused is on record");
    let blank =
        Recorded { raw: None, path: None, resolved: None, arguments: vec![], ..event.clone() };
    let without = judge(&blank).expect("the same call").0;
    assert!(without.is_none() || without == errno, "refused whatever memory says");
    let stricter = Recorded {
        forbidden_commands: [event.forbidden_commands.clone(), vec!["zz".into()]].concat(),
        forbidden: [event.forbidden.clone(), vec!["zz".into()]].concat(),
        ..event.clone()
    };
    let strict = judge(&stricter).expect("the same call");
    assert!(errno.is_none() || strict.0 == errno, "more that is forbidden allows more");
    assert!(violation.is_none() || strict.1.is_some(), "and tells less");
    if is_forbidden_program(&event) {
        assert!(errno.is_some(), "{event:?}");
    }
}

/// Whether a program is executed by a name that is forbidden.
fn is_forbidden_program(event: &Recorded) -> bool {
    let is_execute = matches!(event.number, 59 | 322);
    let base = |path: &[u8]| path.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
    let named = event.raw.as_ref().map(|raw| base(event.path.as_ref().unwrap_or(raw)));
    let forbids = |name: Vec<u8>| event.forbidden_commands.iter().any(|f| f.as_bytes() == name);
    is_execute && named.is_some_and(|name| !name.is_empty() && forbids(name))
}

/// An event from bytes: the call's number, flags of what is there, registers, then texts.
fn event(bytes: &[u8]) -> Option<Recorded> {
    let (head, rest) = bytes.split_at_checked(2 + 1 + 16)?;
    let mut texts = rest.split(|b| *b == 0).map(<[u8]>::to_vec);
    let mut next = |is_there: bool| is_there.then(|| texts.next().unwrap_or_default());
    let has = |bit: u8| head[2] >> bit & 1 == 1;
    let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    Some(Recorded {
        number: i64::from(u16::from_le_bytes([head[0], head[1]])) % 512,
        comm: next(true)?,
        raw: next(has(0)),
        path: next(has(1)),
        resolved: next(has(2)),
        arguments: [next(has(3)), next(has(4))].into_iter().flatten().collect(),
        registers: [word(3), word(11), word(3) ^ word(11), 0, u64::MAX, 1],
        writes: has(5),
        works_in_tmp: has(6),
        forbidden_commands: vec!["rm".into(), "curl".into()],
        forbidden: vec![".env".into(), ".ssh/".into()],
    })
}

fn mask(bytes: &[u8]) {
    let Some((answer, attempt)) = ask_mask(bytes) else { return };
    let operation = u32::from_ne_bytes(bytes[4..8].try_into().expect("a header"));
    let told = attempt.is_some();
    assert_eq!(told, !ABOUT_ITSELF.contains(&operation), "{operation} is told");
    let Some(answer) = answer else { return assert!(!told) };
    let word = |at: usize| i32::from_ne_bytes(answer[at..at + 4].try_into().expect("a header"));
    assert_eq!(usize::try_from(word(0)), Ok(answer.len()), "its own length");
    assert_eq!(answer[8..16], bytes[8..16], "to this request");
    assert!(answer.len() <= 256);
    if told {
        assert_eq!((word(4), answer.len()), (DENIED, 16), "refused with nothing said");
        assert_ne!(word(4), NO_NEED);
    }
}
