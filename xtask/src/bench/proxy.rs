//! What the proxy costs that all of an agent's connections pass.

use super::spread::{Spread, short};
use super::{Bench, Line};
use serde_json::Value;

/// Connections and transfers through ours, through `tinyproxy` and through none, in turns.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let rounds = bench.rounds(10, 2).to_string();
    let told = bench.example("proxy_cost", &[&rounds])?;
    let connects = |way| spread(&told[way][0]);
    let rates = |way| spread(&told[way][1]);
    let (connect, direct, tiny) = (connects("ours")?, connects("direct")?, connects("tinyproxy")?);
    let (rate, direct_rate, tiny_rate) = (rates("ours")?, rates("direct")?, rates("tinyproxy")?);
    Ok(vec![
        Line {
            what: "connection through the proxy, to the first byte",
            ours: connect.show("µs"),
            reference: format!(
                "`tinyproxy`: {}; direct: {}",
                tiny.show("µs"),
                short(direct.median())
            ),
            aim: "≤ 1.0 × `tinyproxy`",
            limit: 1.0,
            judged: connect.median() / tiny.median(),
            why_missed: "Ours looks at what is said first before the server hears of it.",
        },
        Line {
            what: "transfer of 256 MiB through the proxy",
            ours: rate.show("MiB/s"),
            reference: format!(
                "`tinyproxy`: {}; direct: {}",
                tiny_rate.show("MiB/s"),
                short(direct_rate.median())
            ),
            aim: "≥ 1.0 × `tinyproxy`",
            limit: 1.0,
            judged: tiny_rate.median() / rate.median(),
            why_missed: "Ours counts every piece against the run's bandwidth and its total.",
        },
    ])
}

fn spread(samples: &Value) -> Result<Spread, String> {
    let samples = samples.as_array().into_iter().flatten();
    Spread::of(samples.filter_map(Value::as_f64).collect())
}
