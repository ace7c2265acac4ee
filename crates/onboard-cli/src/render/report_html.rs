//! The report as one HTML page that needs nothing else: no script, no font, no address.

use super::metrics::{SCORED, score_cells};
use super::{Look, bytes, findings, when};
use onboard_validation::show;
use onboard_web::api::{AgentReport, FindingRow, Report};

/// Widths of the charts, in units of their view box.
mod chart {
    pub(super) const NAMES: f64 = 240.0;
    pub(super) const BARS: f64 = 400.0;
    pub(super) const NUMBERS: f64 = 120.0;
    pub(super) const ROW: f64 = 30.0;
    pub(super) const BAR: f64 = 18.0;
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2024; --dim: #5c6670; --paper: #fdfdfc; --line: #d9dde1;
  --good: #2f7d4f; --quiet: #8aa4b8; --bad: #b3382c; --other: #a8731d; --bar: #3a6ea5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --dim: #9aa4ae; --paper: #16191c;
  --line: #353b41; --good: #5fb983; --quiet: #5b7488; --bad: #e5786c; --other: #d9a651;
  --bar: #7aaede; } }
body { margin: 0 auto; max-width: 50rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { margin-bottom: .25rem; font-size: 1rem; }
p, li { overflow-wrap: anywhere; }
.dim { color: var(--dim); }
.severity { font-weight: 600; }
.critical, .high { color: var(--bad); } .medium { color: var(--other); } .low { color: var(--bar); }
code { font-size: .9em; }
svg { width: 100%; min-width: 32rem; height: auto; }
.key { margin-right: 1rem; white-space: nowrap; }
.key::before { content: ''; display: inline-block; width: .8em; height: .8em; margin-right: .4em;
  background: var(--of); }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; white-space: nowrap; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
@media print { body { max-width: none; } article { break-inside: avoid; } }
";

/// The page.
pub fn page(report: &Report, look: &Look) -> String {
    let window =
        format!("{} to {}", when::absolute(look, report.from), when::absolute(look, report.to));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>AI Onboard: report</title>\n\
         <style>{STYLE}</style>\n<main>\n<h1>Report</h1>\n<p>{}</p>\n",
        text(&window)
    );
    for gap in &report.gaps {
        out.push_str(&format!("<p class=\"dim\">Note: {}.</p>\n", text(gap)));
    }
    out.push_str(&new_findings(report));
    out.push_str(&agents(report));
    out.push_str(&forecasts(report));
    out.push_str("</main>\n</html>\n");
    out
}

fn new_findings(report: &Report) -> String {
    let (new, older) = (report.new_findings.len(), report.older_findings);
    let mut out = format!("<h2>Findings</h2>\n<p>{new} new and open, {older} older and open</p>\n");
    report.new_findings.iter().for_each(|finding| out.push_str(&article(finding)));
    out
}

fn article(finding: &FindingRow) -> String {
    let mut out = format!(
        "<article>\n<h3><span class=\"severity {0}\">{0}</span> {1} <code class=\"dim\">{2}</code>\
         </h3>\n",
        finding.severity,
        text(&finding.title),
        text(&findings::id(finding))
    );
    if !finding.evidence.is_empty() {
        let item = |evidence| format!("<li>{}</li>\n", text(&findings::evidence_line(evidence)));
        out.push_str("<ul>\n");
        finding.evidence.iter().map(item).for_each(|item| out.push_str(&item));
        out.push_str("</ul>\n");
    }
    if !finding.action.is_empty() {
        out.push_str(&format!("<p>→ {}</p>\n", text(&finding.action)));
    }
    let (agent, rule) = (text(&finding.agent), text(&finding.rule));
    out.push_str(&format!("<p class=\"dim\">{agent}, {rule}</p>\n</article>\n"));
    out
}

fn agents(report: &Report) -> String {
    let mut out = "<h2>Agents</h2>\n".to_owned();
    if report.agents.is_empty() {
        out.push_str("<p>No run ended in this window.</p>\n");
        return out;
    }
    let keys = KEYS
        .map(|(of, what)| format!("<span class=\"key\" style=\"--of: var({of})\">{what}</span>\n"));
    out.push_str(&format!("<h3>Runs, by how they ended</h3>\n<p>\n{}</p>\n", keys.concat()));
    out.push_str(&runs_chart(&report.agents));
    out.push_str(&format!("<h3>Processor time</h3>\n{}", cpu_chart(&report.agents)));
    out.push_str(
        "<div class=\"scroll\">\n<table>\n<tr><th>Agent<th>Project<th class=\"number\">Runs\
         <th class=\"number\">New findings<th class=\"number\">CPU<th class=\"number\">Half within\
         <th class=\"number\">95 % within<th class=\"number\">Memory at most</tr>\n",
    );
    report.agents.iter().for_each(|agent| out.push_str(&table_row(agent)));
    out.push_str("</table>\n</div>\n");
    out
}

/// How good forecasts were; nothing where none was made.
fn forecasts(report: &Report) -> String {
    if report.scores.is_empty() {
        return String::new();
    }
    let headings: String = SCORED
        .iter()
        .map(|heading| {
            let (first, rest) = heading.split_at(1);
            format!("<th class=\"number\">{first}{}", rest.to_lowercase())
        })
        .collect();
    let mut out = format!(
        "<h2>Forecasts so far</h2>\n<div class=\"scroll\">\n<table>\n<tr><th>Rule<th>Agent\
         <th>Project{headings}</tr>\n"
    );
    for agent in &report.scores {
        for row in &agent.scores {
            let names = [&row.rule, &agent.agent, &agent.project];
            let names: String = names.map(|name| format!("<td>{}", text(name))).concat();
            let cells: String = score_cells(row)
                .map(|cell| format!("<td class=\"number\">{}", text(&cell)))
                .concat();
            out.push_str(&format!("<tr>{names}{cells}</tr>\n"));
        }
    }
    out.push_str("</table>\n</div>\n");
    out
}

fn table_row(agent: &AgentReport) -> String {
    let time = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), when::seconds);
    let numbers = [
        agent.runs.to_string(),
        agent.new_findings.to_string(),
        when::seconds(agent.cpu_s),
        time(agent.duration_p50_s),
        time(agent.duration_p95_s),
        agent.memory_peak_bytes.map_or_else(|| "–".to_owned(), bytes),
    ];
    let numbers = numbers.map(|number| format!("<td class=\"number\">{}", text(&number)));
    let (name, project) = (text(&agent.agent), text(&agent.project));
    format!("<tr><td>{name}<td>{project}{}</tr>\n", numbers.concat())
}

const KEYS: [(&str, &str); 4] = [
    ("--good", "succeeded"),
    ("--quiet", "nothing to report"),
    ("--bad", "failed, timed out or lost"),
    ("--other", "ended by others, or refused"),
];

/// How a run ended, as a colour of the [`KEYS`].
fn colour(result: &str) -> &'static str {
    match result {
        "succeeded" => "--good",
        "nothing_to_report" => "--quiet",
        "failed" | "timed_out" | "lost" => "--bad",
        _ => "--other",
    }
}

fn runs_chart(agents: &[AgentReport]) -> String {
    let most = agents.iter().map(|agent| agent.runs).max().unwrap_or_default().max(1);
    let bars = agents.iter().map(|agent| {
        let results = agent.results.iter().map(|(result, count)| {
            let words = format!("{count} {}", result.replace('_', " "));
            (f64::from(*count) / f64::from(most), colour(result), words)
        });
        (agent, results.collect::<Vec<_>>(), agent.runs.to_string())
    });
    drawn(bars.collect())
}

fn cpu_chart(agents: &[AgentReport]) -> String {
    let most = agents.iter().map(|agent| agent.cpu_s).fold(f64::MIN_POSITIVE, f64::max);
    let bars = agents.iter().map(|agent| {
        let used = when::seconds(agent.cpu_s);
        (agent, vec![(agent.cpu_s / most, "--bar", used.clone())], used)
    });
    drawn(bars.collect())
}

/// Parts of a bar: share of the longest, colour, and what a pointer over it is told.
type Parts = Vec<(f64, &'static str, String)>;

fn drawn(bars: Vec<(&AgentReport, Parts, String)>) -> String {
    let height = chart::ROW * bars.len() as f64;
    let width = chart::NAMES + chart::BARS + chart::NUMBERS;
    let told: Vec<String> = bars
        .iter()
        .map(|(agent, parts, _)| {
            let parts: Vec<&str> = parts.iter().map(|(_, _, words)| words.as_str()).collect();
            format!("{}: {}", agent.agent, parts.join(", "))
        })
        .collect();
    let mut out = format!(
        "<div class=\"scroll\">\n<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n",
        text(&told.join("; "))
    );
    for (row, (agent, parts, number)) in bars.iter().enumerate() {
        let top = chart::ROW * row as f64 + (chart::ROW - chart::BAR) / 2.0;
        let base = top + chart::BAR * 0.75;
        out.push_str(&format!("<text x=\"0\" y=\"{base}\">{}</text>\n", text(&agent.agent)));
        let mut left = chart::NAMES;
        for (share, colour, words) in parts {
            let wide = share * chart::BARS;
            out.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{}\" \
                 fill=\"var({colour})\"><title>{}</title></rect>\n",
                chart::BAR,
                text(words)
            ));
            left += wide;
        }
        let at = left + 8.0;
        out.push_str(&format!("<text x=\"{at:.1}\" y=\"{base}\">{}</text>\n", text(number)));
    }
    out.push_str("</svg>\n</div>\n");
    out
}

/// Text of anybody's: it can neither begin markup nor hide.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in show::lines(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{NOW, finding, look, run};
    use expect_test::expect;
    use onboard_domain::Severity;
    use onboard_web::api::Stamp;

    #[test]
    fn a_page() {
        let runs = [run("succeeded", ""), run("timed_out", "its deadline passed")];
        let window = (Stamp(NOW.plus(-604_800_000)), Stamp(NOW));
        let mut row = finding(Severity::High, "</title><script>alert('x')</script> & \u{202e}");
        row.evidence[0].path = Some("a\"b<c>.rs".into());
        let gaps = vec!["records begin later".to_string()];
        let report = onboard_web::view::report::fold(window, &runs, vec![row], Vec::new(), gaps);
        let page = page(&report, &look(None, false));
        let (_, body) = page.split_once("</style>").expect("a style");
        expect![[r#"

            <main>
            <h1>Report</h1>
            <p>2026-11-11 11:06:45 UTC to 2026-11-18 11:06:45 UTC</p>
            <p class="dim">Note: records begin later.</p>
            <h2>Findings</h2>
            <p>1 new and open, 0 older and open</p>
            <article>
            <h3><span class="severity high">high</span> &lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; \u{202e} <code class="dim">5f3a9c20</code></h3>
            <ul>
            <li>a&quot;b&lt;c&gt;.rs:12  largest file that one person wrote</li>
            <li>8606705aab  newest change by somebody else</li>
            <li>0.93  share of commits</li>
            </ul>
            <p>→ Have a second person review and change src/engine this week.</p>
            <p class="dim">project-health-monitor, health/bus-factor</p>
            </article>
            <h2>Agents</h2>
            <h3>Runs, by how they ended</h3>
            <p>
            <span class="key" style="--of: var(--good)">succeeded</span>
            <span class="key" style="--of: var(--quiet)">nothing to report</span>
            <span class="key" style="--of: var(--bad)">failed, timed out or lost</span>
            <span class="key" style="--of: var(--other)">ended by others, or refused</span>
            </p>
            <div class="scroll">
            <svg viewBox="0 0 760 30" role="img" aria-label="project-health-monitor: 1 succeeded, 1 timed out">
            <text x="0" y="19.5">project-health-monitor</text>
            <rect x="240.0" y="6" width="200.0" height="18" fill="var(--good)"><title>1 succeeded</title></rect>
            <rect x="440.0" y="6" width="200.0" height="18" fill="var(--bad)"><title>1 timed out</title></rect>
            <text x="648.0" y="19.5">2</text>
            </svg>
            </div>
            <h3>Processor time</h3>
            <div class="scroll">
            <svg viewBox="0 0 760 30" role="img" aria-label="project-health-monitor: 1.8 s">
            <text x="0" y="19.5">project-health-monitor</text>
            <rect x="240.0" y="6" width="400.0" height="18" fill="var(--bar)"><title>1.8 s</title></rect>
            <text x="648.0" y="19.5">1.8 s</text>
            </svg>
            </div>
            <div class="scroll">
            <table>
            <tr><th>Agent<th>Project<th class="number">Runs<th class="number">New findings<th class="number">CPU<th class="number">Half within<th class="number">95 % within<th class="number">Memory at most</tr>
            <tr><td>project-health-monitor<td>engine<td class="number">2<td class="number">2<td class="number">1.8 s<td class="number">3.2 s<td class="number">3.2 s<td class="number">41.0 MiB</tr>
            </table>
            </div>
            </main>
            </html>
        "#]].assert_eq(body);
    }
}
