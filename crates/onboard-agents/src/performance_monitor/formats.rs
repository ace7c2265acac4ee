//! Results of benchmarks as the tools write them.

use onboard_analysis::calendar::{DAY_MS, parse_date, start_of};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One result: less is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What is comparable has one name: with the tool, and whatever else makes its results other ones.
    pub name: String,
    /// In nanoseconds; of what counts per second, the time for one.
    pub nanoseconds: f64,
    /// Where the tool wrote it down.
    pub told: Option<Told>,
}

/// What a tool wrote of when and of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// When it was measured.
    pub at_ms: Option<i64>,
    /// The commit that was checked out, and whether there was more than it.
    pub commit: Option<(String, bool)>,
}

/// Results of one file at most.
const MOST_RESULTS: usize = 200;
/// Bytes of a name. A longer one is cut, and ends in a hash of the whole.
const LONGEST_NAME: usize = 160;
const HASH_BYTES: usize = 8;
/// Bytes kept of a longer name: the rest is `…` and the hash.
const CUT_NAME: usize = LONGEST_NAME - '…'.len_utf8() - 2 * HASH_BYTES;

/// Reads hyperfine's, pytest-benchmark's and JMH's files; of anything else, nothing.
pub fn read(value: &Value) -> Vec<Measured> {
    let found = match value {
        // JMH: a list of benchmarks.
        Value::Array(list) => list.iter().filter_map(jmh).collect(),
        Value::Object(_) if value["results"].is_array() => all(&value["results"], hyperfine),
        Value::Object(_) if value["benchmarks"].is_array() && value["machine_info"].is_object() => {
            pytest(value)
        }
        _ => Vec::new(),
    };
    found.into_iter().filter(is_sound).take(MOST_RESULTS).collect()
}

/// Criterion's `new/estimates.json`; its name is in the file beside, or its folder's.
pub fn criterion(estimates: &Value, benchmark: Option<&Value>, folder: &str) -> Option<Measured> {
    let point = |of: &str| estimates[of]["point_estimate"].as_f64();
    // The slope is its best estimate where it has one.
    let nanoseconds = point("slope").or_else(|| point("mean"))?;
    let name = benchmark.and_then(|benchmark| benchmark["full_id"].as_str()).unwrap_or(folder);
    Some(measured(name, "Criterion", nanoseconds)).filter(is_sound)
}

fn all(list: &Value, one: fn(&Value) -> Option<Measured>) -> Vec<Measured> {
    list.as_array().into_iter().flatten().filter_map(one).collect()
}

/// A result of what is comparable by its name and these words.
pub fn measured(name: &str, comparable: &str, nanoseconds: f64) -> Measured {
    Measured { name: bounded(&format!("{name} ({comparable})")), nanoseconds, told: None }
}

/// A name as it may be kept: one line without secrets, and no longer than others, but never the same as
/// another's.
fn bounded(name: &str) -> String {
    let line: String = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    let clean = onboard_validation::secrets::redact(&line).map_or(line, |(clean, _)| clean);
    if clean.len() <= LONGEST_NAME {
        return clean;
    }
    let cut = &clean[..clean.floor_char_boundary(CUT_NAME)];
    format!("{cut}…{}", hash(clean.as_bytes()))
}

/// The beginning of a SHA-256, in hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

pub fn is_sound(result: &Measured) -> bool {
    result.nanoseconds.is_finite() && result.nanoseconds > 0.0 && !result.name.starts_with(" (")
}

fn hyperfine(result: &Value) -> Option<Measured> {
    let seconds = result["median"].as_f64().or_else(|| result["mean"].as_f64())?;
    let name = format!("{}{}", result["command"].as_str()?, parameters(&result["parameters"]));
    Some(measured(&name, "hyperfine", seconds * 1e9))
}

/// Another processor is another series; another Python is what may have made it slower.
fn pytest(file: &Value) -> Vec<Measured> {
    let machine = &file["machine_info"];
    let cpu = &machine["cpu"];
    let brands = [&cpu["brand_raw"], &cpu["brand"], &machine["processor"], &machine["machine"]];
    let brand = brands.into_iter().filter_map(Value::as_str).find(|brand| !brand.is_empty());
    let comparable =
        brand.map_or("pytest-benchmark".to_owned(), |brand| format!("pytest-benchmark, {brand}"));
    let told = Told {
        at_ms: file["datetime"].as_str().and_then(moment),
        commit: commit(&file["commit_info"]),
    };
    let one = |result: &Value| {
        let name = result["fullname"].as_str().or_else(|| result["name"].as_str())?;
        let stats = &result["stats"];
        let seconds = stats["median"].as_f64().or_else(|| stats["mean"].as_f64())?;
        Some(Measured { told: Some(told.clone()), ..measured(name, &comparable, seconds * 1e9) })
    };
    file["benchmarks"].as_array().into_iter().flatten().filter_map(one).collect()
}

fn commit(info: &Value) -> Option<(String, bool)> {
    let id = info["id"].as_str()?;
    let is_id = id.len() == 40 && id.bytes().all(|letter| letter.is_ascii_hexdigit());
    is_id.then(|| (id.to_ascii_lowercase(), info["dirty"].as_bool().unwrap_or(true)))
}

/// A moment in UTC, as Python writes it: `2026-11-24T10:00:00.123456`, with `+00:00` or without.
fn moment(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let time = time.trim_end_matches('Z').trim_end_matches("+00:00");
    let (time, _) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let ms = ((hours * 60 + minutes) * 60 + seconds) * 1_000;
    let is_whole = parts.next().is_none() && (0..DAY_MS + 1_000).contains(&ms);
    is_whole.then_some(start_of(parse_date(date)?) + ms)
}

/// Mode, threads and parameters make other benchmarks of one method.
fn jmh(result: &Value) -> Option<Measured> {
    let metric = &result["primaryMetric"];
    let (score, unit) = (metric["score"].as_f64()?, metric["scoreUnit"].as_str()?);
    let scale = |unit: &str| match unit {
        "ns" => Some(1.0),
        "us" => Some(1e3),
        "ms" => Some(1e6),
        "s" => Some(1e9),
        "min" => Some(6e10),
        _ => None,
    };
    let nanoseconds = match unit.split_once('/') {
        Some(("ops", time)) => scale(time)? / score,
        Some((time, "op")) => scale(time)? * score,
        _ => return None,
    };
    let name = format!("{}{}", result["benchmark"].as_str()?, parameters(&result["params"]));
    let mode = result["mode"].as_str().map_or(String::new(), |mode| format!(", {mode}"));
    let threads = result["threads"].as_u64().filter(|threads| *threads != 1);
    let threads = threads.map_or(String::new(), |threads| format!(", {threads} threads"));
    Some(measured(&name, &format!("JMH{mode}{threads}"), nanoseconds))
}

/// ` name=value` of each, in the order of the names.
fn parameters(parameters: &Value) -> String {
    let mut words: Vec<String> = parameters
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!(" {key}={text}"),
            None => format!(" {key}={value}"),
        })
        .collect();
    words.sort();
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(value: &Value, expected: Expect) {
        let lines: Vec<String> = read(value)
            .iter()
            .map(|one| {
                let told = one.told.as_ref().map(|told| format!(" {told:?}")).unwrap_or_default();
                format!("{} {:.0} ns{told}", one.name, one.nanoseconds)
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_tools_write() {
        check(
            &json!({ "results": [{ "command": "sleep 1", "mean": 1.5, "median": 1.0, "times": [] }, { "command": "x" }] }),
            expect!["sleep 1 (hyperfine) 1000000000 ns"],
        );
        check(
            &json!({ "machine_info": {}, "benchmarks": [{ "name": "t", "fullname": "a.py::t", "stats": { "median": 0.002 } }] }),
            expect!["a.py::t (pytest-benchmark) 2000000 ns Told { at_ms: None, commit: None }"],
        );
        check(
            &json!([
                { "benchmark": "b.A", "params": { "n": "10" }, "primaryMetric": { "score": 2000.0, "scoreUnit": "ops/s" } },
                { "benchmark": "b.B", "primaryMetric": { "score": 3.0, "scoreUnit": "us/op" } },
                { "benchmark": "b.C", "primaryMetric": { "score": "NaN", "scoreUnit": "us/op" } },
            ]),
            expect![[r#"
                b.A n=10 (JMH) 500000 ns
                b.B (JMH) 3000 ns"#]],
        );
        check(&json!({ "results": "none" }), expect![[""]]);
        check(&json!({ "benchmarks": [1] }), expect![[""]]);
        let estimates =
            json!({ "mean": { "point_estimate": 20.0 }, "slope": { "point_estimate": 10.0 } });
        let found = criterion(&estimates, Some(&json!({ "full_id": "parse/small" })), "x");
        assert_eq!(found, Some(measured("parse/small", "Criterion", 10.0)));
        assert_eq!(criterion(&json!({}), None, "x"), None);
    }

    #[test]
    fn what_is_not_comparable_has_another_name() {
        let metric = json!({ "score": 2.0, "scoreUnit": "ms/op" });
        let of = |mode: &str, threads: u32| json!({ "benchmark": "b.A", "mode": mode, "threads": threads, "params": { "n": "1", "m": 2 }, "primaryMetric": metric });
        check(
            &json!([of("avgt", 1), of("sample", 1), of("avgt", 4)]),
            expect![[r#"
            b.A m=2 n=1 (JMH, avgt) 2000000 ns
            b.A m=2 n=1 (JMH, sample) 2000000 ns
            b.A m=2 n=1 (JMH, avgt, 4 threads) 2000000 ns"#]],
        );
        let run = |info: Value, at: &str| json!({ "machine_info": info, "datetime": at, "commit_info": { "id": "A".repeat(40), "dirty": false }, "benchmarks": [{ "fullname": "t", "stats": { "median": 1.0 } }] });
        check(
            &run(
                json!({ "cpu": { "brand_raw": "Xeon A" }, "processor": "x" }),
                "2026-11-24T10:00:01.5",
            ),
            expect![[
                r#"t (pytest-benchmark, Xeon A) 1000000000 ns Told { at_ms: Some(1795514401000), commit: Some(("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)) }"#
            ]],
        );
        check(
            &run(json!({ "processor": "arm" }), "2026-11-24T10:00:01+02:00"),
            expect![[
                r#"t (pytest-benchmark, arm) 1000000000 ns Told { at_ms: None, commit: Some(("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)) }"#
            ]],
        );
        check(
            &json!({ "results": [{ "command": "sort", "median": 1.0, "parameters": { "n": "5" } }] }),
            expect!["sort n=5 (hyperfine) 1000000000 ns"],
        );
    }

    #[test]
    fn long_names_stay_apart() {
        let long =
            |end: &str| measured(&format!("{}{end}", "x".repeat(200)), "hyperfine", 1.0).name;
        assert_eq!(long("a").len(), LONGEST_NAME);
        assert_ne!(long("a"), long("b"));
        // A name with a secret would keep the series from being stored at all.
        let token = format!("ghp_{}", "x7Kq2mZ9wTb4Lr8vNc3sFj6hPd1gYe5uQa0R");
        let named = measured(&format!("curl -H 'Authorization: token {token}'"), "hyperfine", 1.0);
        assert!(!named.name.contains(&token), "{named:?}");
    }
}
