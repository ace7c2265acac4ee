//! Answers as HTTP: versioned JSON, or a problem.

use crate::api::{Problem, ProblemKind, Versioned};
use crate::past::Unreadable;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What a route gives.
pub type Answered<T> = Result<Told<T>, Problem>;

/// A body that is sent with its schema version.
pub struct Told<T>(pub T);

impl<T: Serialize> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&Versioned::new(self.0)) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::new(
                ProblemKind::Unreadable,
                format!("the answer can't be encoded: {error}"),
            )
            .into_response(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Problem {
        Problem::new(ProblemKind::Unreadable, unreadable.0)
    }
}
