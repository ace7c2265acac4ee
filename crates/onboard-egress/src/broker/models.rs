//! Requests of models: what each may use is set aside before it leaves, watched while its answer
//! comes, and settled by what the endpoint says.

use super::answer::Answer;
use super::pass::{Errand, Failure, Tap, refused, said};
use super::prompt::{self, Prompt};
use super::{Ledger, NoRoom, Terms};
use onboard_domain::model::{Ending, Spend};
use onboard_domain::violation::{Action, Rule, Sensor, Violation};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What stands before the paths that agents ask for, as their libraries expect it.
pub const PREFIX: &str = "/v1";
/// What may be asked: only what says what it used.
const ASKED: [&str; 3] = ["/chat/completions", "/completions", EMBEDDINGS];
/// What has no answer of tokens.
const EMBEDDINGS: &str = "/embeddings";
/// Longest request: some prompts of the largest models.
const REQUEST: usize = 4 << 20;
/// How long the agent may be silent in the middle of it.
const BODY_SILENCE: Duration = Duration::from_secs(60);
/// Longest answer that is read for what it used; longer ones count in full.
const KEPT: usize = 8 << 20;
/// Longest event of a stream that is looked into.
const EVENT: usize = 1 << 20;
/// Events beyond the tokens that were set aside before a stream is cut off: some carry no token.
const SPARE_EVENTS: u64 = 64;

pub(super) fn pass(mut errand: Errand<'_>) -> Result<(), Failure> {
    let Some(terms) = errand.door.model.clone() else { return Err(said(404, "no model is here")) };
    let path = errand.parts.path.strip_prefix(PREFIX).unwrap_or_default().to_string();
    if errand.parts.method == "GET" && path == "/models" {
        return Ok(list(&mut errand.client, &terms)?);
    }
    if errand.parts.method != "POST" || !ASKED.contains(&path.as_str()) {
        let why = format!(
            "a model can be asked by POST at {PREFIX}{}",
            ASKED.join(&format!(", {PREFIX}"))
        );
        return Err(refused(404, Rule::ForbiddenCredential, why));
    }
    let body = whole(&mut errand)?;
    let prompt = prompt::read(&body).map_err(|why| said(400, why))?;
    if prompt.model != terms.model {
        let why = format!("the model here is `{}`, not `{}`", terms.model, prompt.model);
        return Err(said(404, why));
    }
    let output = output(&prompt, &terms, &path)?;
    let pictures = pictures(&prompt, &terms)?;
    let hides_usage = prompt.is_stream && !prompt.has_stream_options;
    let body = prompt::with(&body, &missing(&prompt, &path, output, hides_usage));
    let bytes = body.len() as u64;
    let output = if path == EMBEDDINGS { 0 } else { prompt.most(output, bytes) };
    // No tokeniser makes more tokens of a text than it has bytes.
    let input = (bytes - prompt.picture_bytes).saturating_add(pictures);
    let open = Open::reserve(&errand, &terms, terms.spend(input, output))?;
    errand.parts.path = path;
    errand.body_bytes = bytes;
    errand.rest = body;
    ask(errand, &terms, open, output, hides_usage)
}

fn ask(
    mut errand: Errand<'_>,
    terms: &Terms,
    mut open: Open<'_>,
    output: u64,
    hides_usage: bool,
) -> Result<(), Failure> {
    let (line, name) = (errand.line, errand.door.name.clone());
    let mut server = errand.dial().inspect_err(|_| open.is(Spend::default(), Ending::Unused))?;
    errand.ask(&mut server)?;
    let mut tap = Watched { hides_usage, output, ..Watched::default() };
    let done = errand.bring_back(server, &mut tap);
    match tap.usage {
        Some((input, output)) => {
            let came = terms.spend(input, output);
            if let Some(more) = overdrawn(&name, open.spend, came) {
                line.shared.report(more);
            }
            open.is(came, Ending::Reported);
        }
        // Nobody takes money for what they refuse.
        None if (400..500).contains(&tap.status) => open.is(Spend::default(), Ending::Unused),
        None => {}
    }
    done
}

/// What is known of an endpoint that counts more than was set aside: nobody could have refused it.
fn overdrawn(door: &str, most: Spend, came: Spend) -> Option<Violation> {
    if came.tokens <= most.tokens && came.micros <= most.micros {
        return None;
    }
    let what = "use more than was set aside";
    let why = format!(
        "the endpoint counts {} tokens and {} millionths, {} and {} were set aside",
        came.tokens, came.micros, most.tokens, most.micros
    );
    let noted = Violation::new(Sensor::Network, Rule::BudgetExceeded, what, door.as_bytes());
    Some(noted.resolved(why.as_bytes()).with(Action::Noted))
}

/// Tokens of all the pictures of a request.
fn pictures(prompt: &Prompt, terms: &Terms) -> Result<u64, Failure> {
    match (prompt.pictures, terms.image_tokens) {
        (0, _) => Ok(0),
        (count, Some(each)) => Ok(each.saturating_mul(count)),
        (_, None) => Err(said(
            400,
            format!(
                "what a picture costs is not known: `image_tokens` of the model `{}` says how many tokens one counts at most",
                terms.name
            ),
        )),
    }
}

/// Tokens of one answer at most.
fn output(prompt: &Prompt, terms: &Terms, path: &str) -> Result<u64, Failure> {
    if path == EMBEDDINGS {
        return Ok(0);
    }
    let most = terms.max_output_tokens;
    match prompt.output {
        Some(asked) if asked > most => Err(said(
            400,
            format!(
                "{asked} tokens are asked for, `max_output_tokens` allows {most} ({})",
                terms.origin
            ),
        )),
        asked => Ok(asked.unwrap_or(most)),
    }
}

/// What has to be added to a request so that it keeps inside what is set aside, and says what it used.
fn missing(prompt: &Prompt, path: &str, output: u64, hides_usage: bool) -> String {
    let mut more = Vec::new();
    if !prompt.has_limit && path != EMBEDDINGS {
        more.push(format!("\"max_tokens\":{output}"));
    }
    if hides_usage {
        more.push("\"stream_options\":{\"include_usage\":true}".into());
    }
    more.join(",")
}

/// The request's body.
fn whole(errand: &mut Errand<'_>) -> Result<Vec<u8>, Failure> {
    let length = usize::try_from(errand.body_bytes).unwrap_or(usize::MAX);
    if length > REQUEST {
        return Err(said(413, format!("a request has at most {REQUEST} bytes")));
    }
    let mut body = std::mem::take(&mut errand.rest);
    body.truncate(length);
    errand.client.set_read_timeout(Some(BODY_SILENCE))?;
    let mut piece = vec![0; 16 * 1024];
    while body.len() < length {
        let room = piece.len().min(length - body.len());
        match errand.client.read(&mut piece[..room])? {
            0 => return Err(Failure::Broken(io::ErrorKind::UnexpectedEof.into())),
            more => body.extend_from_slice(&piece[..more]),
        }
    }
    Ok(body)
}

/// A reservation that is settled however its request ends: in full where nobody knows better.
struct Open<'a> {
    ledger: &'a dyn Ledger,
    id: u64,
    spend: Spend,
    ending: Ending,
}

impl Open<'_> {
    fn reserve<'a>(errand: &Errand<'a>, terms: &Terms, most: Spend) -> Result<Open<'a>, Failure> {
        let ledger = &*errand.broker.ledger;
        match ledger.reserve(&terms.name, most) {
            Ok(id) => Ok(Open { ledger, id, spend: most, ending: Ending::Unknown }),
            Err(no_room) => Err(over(errand, &no_room)),
        }
    }

    fn is(&mut self, spend: Spend, ending: Ending) {
        (self.spend, self.ending) = (spend, ending);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.ledger.settle(self.id, self.spend, self.ending);
    }
}

/// A budget that is used up is on record, and the agent is told which.
fn over(errand: &Errand<'_>, no_room: &NoRoom) -> Failure {
    let status = match (&no_room.budget, no_room.retry_after_s) {
        (Some(_), None) => 402,
        (Some(_), Some(_)) => 429,
        (None, _) => 503,
    };
    if let Some(budget) = &no_room.budget {
        let violation = Violation::new(
            Sensor::Network,
            Rule::BudgetExceeded,
            "ask model",
            format!("{} at {budget}", errand.door.name).as_bytes(),
        );
        errand.line.shared.report(violation.resolved(no_room.why.as_bytes()));
    }
    let code = no_room.budget.as_deref();
    let mut client = match errand.client.try_clone() {
        Ok(client) => client,
        Err(error) => return Failure::Broken(error),
    };
    match respond(&mut client, status, &no_room.why, code, no_room.retry_after_s) {
        Ok(()) => Failure::Broken(io::ErrorKind::QuotaExceeded.into()),
        Err(error) => Failure::Broken(error),
    }
}

/// The one model, as libraries look for it.
fn list(client: &mut TcpStream, terms: &Terms) -> io::Result<()> {
    let model = serde_json::json!({ "id": terms.model, "object": "model", "owned_by": terms.name });
    let body = serde_json::json!({ "object": "list", "data": [model] }).to_string();
    write(client, "200 OK", "", &body)
}

/// An error as endpoints of models have it.
pub(super) fn respond(
    client: &mut TcpStream,
    status: u16,
    why: &str,
    budget: Option<&str>,
    retry_after_s: Option<u64>,
) -> io::Result<()> {
    let kind = if budget.is_some() { "budget_exceeded" } else { "ai_onboard" };
    let error = serde_json::json!({
        "message": format!("ai_onboard: {why}"), "type": kind, "code": budget, "param": null,
    });
    let retry = retry_after_s.map_or(String::new(), |s| format!("Retry-After: {s}\r\n"));
    write(
        client,
        &format!("{status} Refused"),
        &retry,
        &serde_json::json!({ "error": error }).to_string(),
    )
}

fn write(client: &mut TcpStream, status: &str, more: &str, body: &str) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes())?;
    client.shutdown(Shutdown::Write)
}

/// Reads along what an answer says of its use.
#[derive(Default)]
struct Watched {
    /// The event with the use in it was asked for here, not by the agent.
    hides_usage: bool,
    /// Tokens of output that were set aside.
    output: u64,
    status: u16,
    is_events: bool,
    kept: Vec<u8>,
    events: u64,
    usage: Option<(u64, u64)>,
}

impl Tap for Watched {
    fn begins(&mut self, answer: &Answer) -> bool {
        self.status = answer.status;
        let kind = answer.field("content-type").unwrap_or_default();
        self.is_events = kind.to_ascii_lowercase().starts_with(b"text/event-stream");
        self.is_events
    }

    fn takes(&mut self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        if self.is_events {
            return self.events(&bytes);
        }
        if self.kept.len() + bytes.len() <= KEPT {
            self.kept.extend_from_slice(&bytes);
        }
        Ok(bytes)
    }

    fn ends(&mut self) -> Vec<u8> {
        let kept = std::mem::take(&mut self.kept);
        if self.is_events {
            return kept;
        }
        self.usage = prompt::said(&kept).and_then(|said| said.usage);
        Vec::new()
    }
}

impl Watched {
    fn events(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.kept.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(end) = end_of_event(&self.kept) {
            let rest = self.kept.split_off(end);
            let event = std::mem::replace(&mut self.kept, rest);
            if self.passes(&event) {
                out.extend(event);
            }
            if self.events > self.output.saturating_add(SPARE_EVENTS) {
                let why = "more came than was asked for and set aside";
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, why));
            }
        }
        if self.kept.len() > EVENT {
            out.append(&mut self.kept);
        }
        Ok(out)
    }

    /// Looks into an event; whether it is passed on.
    fn passes(&mut self, event: &[u8]) -> bool {
        let data =
            event.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
        let data: Vec<&[u8]> = data.map(<[u8]>::trim_ascii).collect();
        let Some(said) = prompt::said(&data.concat()) else { return true };
        self.events += u64::from(said.has_choice);
        self.usage = said.usage.or(self.usage);
        said.has_choice || said.usage.is_none() || !self.hides_usage
    }
}

/// Where the first event ends: behind an empty line.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    let at =
        |end: &[u8]| bytes.windows(end.len()).position(|part| part == end).map(|at| at + end.len());
    [at(b"\n\n"), at(b"\r\n\r\n")].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n: keep\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\n\n\
        data: [DONE]\n\n";

    fn watch(hides_usage: bool, size: usize) -> (String, Option<(u64, u64)>) {
        let mut tap = Watched { hides_usage, output: 9, is_events: true, ..Watched::default() };
        let mut out = Vec::new();
        for piece in STREAM.chunks(size) {
            out.extend(tap.takes(piece.to_vec()).expect("inside"));
        }
        out.extend(tap.ends());
        (String::from_utf8(out).expect("text"), tap.usage)
    }

    #[test]
    fn a_stream_is_the_one_that_was_asked_for() {
        for size in [1, 3, STREAM.len()] {
            let (shown, usage) = watch(true, size);
            assert_eq!(usage, Some((5, 6)));
            assert!(!shown.contains("usage") && shown.ends_with("data: [DONE]\n\n"), "{shown}");
            assert_eq!(watch(false, size).0.as_bytes(), STREAM);
        }
    }

    #[test]
    fn a_stream_that_does_not_end_is_cut_off() {
        let mut tap = Watched { output: 10, is_events: true, ..Watched::default() };
        let event = b"data: {\"choices\":[{}]}\n\n".to_vec();
        let passed = (0..1000).take_while(|_| tap.takes(event.clone()).is_ok()).count();
        assert_eq!(passed, 10 + 64);
    }
}
