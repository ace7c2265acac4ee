//! The head that is passed on is read by the next one as it was read here: one request, to the same
//! host, with a body of the same length. Nothing of the proxy's own goes with it.

use crate::http1::{Look, Request, look};

/// Lines of a head that are read again for certain.
const FIELDS: usize = 100;

/// See the module.
pub fn check(bytes: &[u8]) {
    for is_proxy in [true, false] {
        let Look::Request(request, length) = look(bytes, is_proxy) else { continue };
        assert!(length <= bytes.len());
        // What follows the head changes nothing in what it says.
        assert_eq!(look(&bytes[..length], is_proxy), Look::Request(again(bytes, is_proxy), length));
        match request {
            Request::Connect(_) => assert!(is_proxy),
            Request::Exchange { to, head, body_bytes, .. } => {
                let Ok((host, _)) = to.host else { continue };
                // Its own fields come on top, and with as many as can be read that is too much.
                if head.iter().filter(|b| **b == b'\n').count() > FIELDS {
                    continue;
                }
                let Look::Request(
                    Request::Exchange { to: read, head: second, body_bytes: body, .. },
                    end,
                ) = look(&head, false)
                else {
                    panic!("the head is not read again: {}", head.escape_ascii());
                };
                assert_eq!(read.host.map(|(host, _)| host), Ok(host), "{}", head.escape_ascii());
                assert_eq!(end, head.len(), "one request: {}", head.escape_ascii());
                assert_eq!(body, body_bytes);
                let text = head.to_ascii_lowercase();
                let has = |part: &[u8]| text.windows(part.len()).any(|at| at == part);
                assert!(
                    !has(b"\nproxy-") && !has(b"\ntransfer-encoding:"),
                    "{}",
                    text.escape_ascii()
                );
                assert_eq!(second.len(), head.len(), "passing it on twice changes nothing");
            }
        }
    }
}

fn again(bytes: &[u8], is_proxy: bool) -> Request {
    match look(bytes, is_proxy) {
        Look::Request(request, _) => request,
        other => panic!("{other:?}"),
    }
}
