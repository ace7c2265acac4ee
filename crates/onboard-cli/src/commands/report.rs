//! `background-agents report`

use super::Done;
use crate::arguments::{Global, ReportForm};
use crate::failure::{Failure, Kind};
use crate::{connection, output, project, render};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use onboard_domain::Time;
use onboard_web::api::{Report, Stamp, Versioned};
use onboard_web::client::ClientError;
use std::path::Path;
use std::process::ExitCode;

pub fn run(global: &Global, period: &str, file: Option<&Path>, form: Option<ReportForm>) -> Done {
    let look = output::look(global);
    let (from, to) = window(period, look.now, &look.zone)?;
    let (client, _) = connection::client()?;
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    let (from, to) = (from.to_string(), to.to_string());
    let query = [("since", from.as_str()), ("until", to.as_str()), ("project", root.as_str())];
    let report: Report = match client.get("/report", &query) {
        // Not inside a project that it knows: then of all.
        Err(ClientError::Problem(problem))
            if problem.kind == onboard_web::api::ProblemKind::UnknownProject =>
        {
            client.get("/report", &query[..2])?
        }
        report => report?,
    };
    let json = |text: serde_json::Result<String>| {
        text.map(|text| text + "\n").map_err(|error| Failure::new(Kind::Failed, error.to_string()))
    };
    let asked = form.or_else(|| global.is_json().then_some(ReportForm::Json));
    let text = match asked.or_else(|| ReportForm::of(file?)).unwrap_or(ReportForm::Markdown) {
        ReportForm::Markdown => render::report::markdown(&report, &look),
        ReportForm::Html => render::report_html::page(&report, &look),
        ReportForm::Json => json(serde_json::to_string(&Versioned::new(&report)))?,
        ReportForm::Sarif => {
            json(serde_json::to_string_pretty(&render::sarif::log(&report.new_findings)))?
        }
    };
    match file {
        Some(path) => {
            std::fs::write(path, text).map_err(|error| Failure::file("write", path, &error))?
        }
        None => output::data(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `7d`, `24h`, `P7D` or `2026-11-01..2026-11-07`, both days included.
fn window(text: &str, now: Time, zone: &TimeZone) -> Result<(Stamp, Stamp), Failure> {
    let wrong = |why: String| {
        Failure::new(Kind::Usage, format!("--period {text}: {why}"))
            .hint("7d, 24h, P7D or 2026-11-01..2026-11-07")
    };
    if let Some((from, to)) = text.split_once("..") {
        let start = |day: &str, plus: i64| -> Result<Stamp, jiff::Error> {
            let day = day.parse::<Date>()?.checked_add(jiff::Span::new().days(plus))?;
            let at = day.to_zoned(zone.clone())?;
            Ok(Stamp(Time(at.timestamp().as_millisecond())))
        };
        let range = start(from, 0).and_then(|from| Ok((from, start(to, 1)?)));
        return match range {
            Ok((from, to)) if from >= to => Err(wrong("it ends before it begins".into())),
            range => range.map_err(|error| wrong(error.to_string())),
        };
    }
    let plain = text.strip_prefix(['P', 'p']).map(str::to_lowercase);
    let ms = onboard_text::duration::parse(plain.as_deref().unwrap_or(text)).map_err(wrong)?;
    Ok((Stamp(now.plus(-ms)), Stamp(now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::NOW;

    #[test]
    fn windows_of_time() {
        let told = |text: &str| match window(text, NOW, &TimeZone::UTC) {
            Ok((from, to)) => format!("{from} {to}"),
            Err(failure) => failure.message,
        };
        let week = "2026-11-11T11:06:45.000Z 2026-11-18T11:06:45.000Z";
        assert_eq!([told("7d"), told("P7D")], [week, week]);
        assert_eq!(
            told("2026-11-01..2026-11-07"),
            "2026-11-01T00:00:00.000Z 2026-11-08T00:00:00.000Z"
        );
        assert!(told("soon").starts_with("--period soon: "));
    }
}
