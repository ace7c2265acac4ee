//! An agent's log as a stream: what is there, then what is added.

use super::lines::{self, Writer};
use super::query;
use super::reads::{Asks, log_lines, log_query};
use super::routes::App;
use crate::api::Problem;
use crate::past::{LogQuery, PAGE_MAX};
use axum::extract::State as Shared;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;

/// How often the log is read again while somebody follows it. Log lines are no facts, so nothing
/// announces them; a person does not notice half of this.
const READ_EVERY: Duration = Duration::from_millis(300);

pub async fn stream(Shared(app): Shared<Arc<App>>, asks: Asks) -> Result<Response, Problem> {
    let query = log_query(&app, &query::read(asks)?)?;
    let (writer, response) = lines::stream();
    tokio::spawn(follow(app, query, writer));
    Ok(response)
}

/// Writes until the reader or the server ends, or the log can't be read.
async fn follow(app: Arc<App>, mut query: LogQuery, writer: Writer) {
    let mut stopped = app.stopped.clone();
    loop {
        let Ok(lines) = log_lines(&app, query.clone()).await else { return };
        for line in &lines {
            query.after = Some(line.position);
            if writer.line(line).await.is_err() {
                return;
            }
        }
        // From here on every line counts, and an empty log starts at its beginning.
        query.limit = PAGE_MAX;
        query.after.get_or_insert(0);
        tokio::select! {
            _ = stopped.wait_for(Option::is_some) => return,
            () = writer.closed() => return,
            () = tokio::time::sleep(READ_EVERY) => {}
        }
    }
}
