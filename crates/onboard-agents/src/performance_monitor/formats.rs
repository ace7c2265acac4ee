//! Results of benchmarks as the tools write them.

use serde_json::Value;

/// One benchmark's result: less is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub name: String,
    /// In nanoseconds; of what counts per second, the time for one.
    pub nanoseconds: f64,
}

/// Results of one file at most.
const MOST_RESULTS: usize = 200;
/// Letters of a name.
const LONGEST_NAME: usize = 120;

/// Reads hyperfine's, pytest-benchmark's and JMH's files; of anything else, nothing.
pub fn read(value: &Value) -> Vec<Measured> {
    let found = match value {
        // JMH: a list of benchmarks.
        Value::Array(list) => list.iter().filter_map(jmh).collect(),
        Value::Object(_) if value["results"].is_array() => all(&value["results"], hyperfine),
        Value::Object(_) if value["benchmarks"].is_array() && value["machine_info"].is_object() => {
            all(&value["benchmarks"], pytest)
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
    Some(measured(name, nanoseconds)).filter(is_sound)
}

fn all(list: &Value, one: fn(&Value) -> Option<Measured>) -> Vec<Measured> {
    list.as_array().into_iter().flatten().filter_map(one).collect()
}

fn measured(name: &str, nanoseconds: f64) -> Measured {
    Measured { name: name.chars().take(LONGEST_NAME).collect(), nanoseconds }
}

fn is_sound(result: &Measured) -> bool {
    result.nanoseconds.is_finite() && result.nanoseconds > 0.0 && !result.name.is_empty()
}

fn hyperfine(result: &Value) -> Option<Measured> {
    let seconds = result["median"].as_f64().or_else(|| result["mean"].as_f64())?;
    Some(measured(result["command"].as_str()?, seconds * 1e9))
}

fn pytest(result: &Value) -> Option<Measured> {
    let name = result["fullname"].as_str().or_else(|| result["name"].as_str())?;
    let stats = &result["stats"];
    Some(measured(name, stats["median"].as_f64().or_else(|| stats["mean"].as_f64())? * 1e9))
}

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
    let parameters = result["params"].as_object().map_or_else(String::new, |parameters| {
        let text = |(key, value): (&String, &Value)| {
            format!("{key}={}", value.as_str().unwrap_or_default())
        };
        format!(" {}", parameters.iter().map(text).collect::<Vec<_>>().join(" "))
    });
    Some(measured(&format!("{}{parameters}", result["benchmark"].as_str()?), nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(value: &Value, expected: Expect) {
        let lines: Vec<String> = read(value)
            .iter()
            .map(|one| format!("{} {:.0} ns", one.name, one.nanoseconds))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_tools_write() {
        check(
            &json!({ "results": [{ "command": "sleep 1", "mean": 1.5, "median": 1.0, "times": [] }, { "command": "x" }] }),
            expect!["sleep 1 1000000000 ns"],
        );
        check(
            &json!({ "machine_info": {}, "benchmarks": [{ "name": "t", "fullname": "a.py::t", "stats": { "median": 0.002 } }] }),
            expect!["a.py::t 2000000 ns"],
        );
        check(
            &json!([
                { "benchmark": "b.A", "params": { "n": "10" }, "primaryMetric": { "score": 2000.0, "scoreUnit": "ops/s" } },
                { "benchmark": "b.B", "primaryMetric": { "score": 3.0, "scoreUnit": "us/op" } },
                { "benchmark": "b.C", "primaryMetric": { "score": "NaN", "scoreUnit": "us/op" } },
            ]),
            expect![[r#"
                b.A n=10 500000 ns
                b.B 3000 ns"#]],
        );
        check(&json!({ "results": "none" }), expect![""]);
        check(&json!({ "benchmarks": [1] }), expect![""]);
        let estimates =
            json!({ "mean": { "point_estimate": 20.0 }, "slope": { "point_estimate": 10.0 } });
        let found = criterion(&estimates, Some(&json!({ "full_id": "parse/small" })), "x");
        assert_eq!(found, Some(Measured { name: "parse/small".into(), nanoseconds: 10.0 }));
        assert_eq!(criterion(&json!({}), None, "x"), None);
    }
}
