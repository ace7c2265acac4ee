//! JSON-RPC 2.0 as MCP narrows it: no batches, ids that are texts or whole numbers.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

/// Not JSON.
pub const PARSE_ERROR: i64 = -32_700;
/// JSON, but no request.
pub const INVALID_REQUEST: i64 = -32_600;
/// No such method.
pub const METHOD_NOT_FOUND: i64 = -32_601;
/// Parameters of the wrong shape.
pub const INVALID_PARAMS: i64 = -32_602;
/// A protocol version this host does not speak.
pub const UNSUPPORTED_VERSION: i64 = -32_022;

/// More requests than a run may make; outside the range that JSON-RPC and MCP keep for themselves.
pub const OVER_LIMIT: i64 = 429;

/// Longest id that is a text, in bytes: it is repeated in the answer.
const ID: usize = 256;

/// The id of a request: a text or a whole number, as the client chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    Text(String),
    Number(i64),
}

impl Id {
    /// Reads an id.
    pub fn read(value: &Value) -> Option<Id> {
        match value {
            Value::String(text) if text.len() <= ID => Some(Id::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Id::Number),
            _ => None,
        }
    }

    /// The id as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Id::Text(text) => Value::String(text.clone()),
            Id::Number(number) => json!(number),
        }
    }
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Request { id: Id, method: String, params: Map<String, Value> },
    Notification { method: String, params: Map<String, Value> },
    Response { id: Id, outcome: Result<Value, RpcError> },
}

/// An error of the protocol, as it is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    pub data: Option<Value>,
}

impl RpcError {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> RpcError {
        RpcError { code, message: message.into(), data: None }
    }
}

/// Reads a frame.
///
/// # Errors
/// The answer to give, with the request's id where it could be read.
pub fn read(frame: &[u8]) -> Result<Incoming, (Option<Id>, RpcError)> {
    let value: Value = serde_json::from_slice(frame)
        .map_err(|error| (None, RpcError::new(PARSE_ERROR, alloc::format!("not JSON: {error}"))))?;
    let invalid = |id: Option<Id>, why: &str| (id, RpcError::new(INVALID_REQUEST, why));
    let Value::Object(mut fields) = value else {
        let why = match value {
            Value::Array(_) => "batches are not accepted: send one message a line",
            _ => "a message is a JSON object",
        };
        return Err(invalid(None, why));
    };
    let id = match fields.get("id") {
        None => None,
        Some(value) => match Id::read(value) {
            Some(id) => Some(id),
            None => return Err(invalid(None, "an id is a text or a whole number")),
        },
    };
    if fields.get("jsonrpc") != Some(&Value::String("2.0".into())) {
        return Err(invalid(id, "`jsonrpc` must be \"2.0\""));
    }
    let Some(method) = fields.remove("method") else {
        return response(id, fields).ok_or_else(|| invalid(None, "neither a method nor a result"));
    };
    let Value::String(method) = method else {
        return Err(invalid(id, "`method` is a text"));
    };
    let params = match fields.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => {
            return Err((id, RpcError::new(INVALID_PARAMS, "`params` is a JSON object")));
        }
    };
    Ok(match id {
        Some(id) => Incoming::Request { id, method, params },
        None => Incoming::Notification { method, params },
    })
}

fn response(id: Option<Id>, mut fields: Map<String, Value>) -> Option<Incoming> {
    let id = id?;
    if let Some(result) = fields.remove("result") {
        return Some(Incoming::Response { id, outcome: Ok(result) });
    }
    let error = fields.remove("error")?;
    let error = RpcError {
        code: error.get("code").and_then(Value::as_i64)?,
        message: error.get("message").and_then(Value::as_str)?.to_string(),
        data: error.get("data").cloned(),
    };
    Some(Incoming::Response { id, outcome: Err(error) })
}

/// A request's line.
pub fn request(id: &Id, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id.to_value(), "method": method, "params": params }))
}

/// A notification's line.
pub fn notification(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

/// The line that answers a request.
pub fn result(id: &Id, result: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id.to_value(), "result": result }))
}

/// The line that refuses a request; without an id when none could be read.
pub fn error(id: Option<&Id>, error: &RpcError) -> Vec<u8> {
    let mut body = json!({ "code": error.code, "message": error.message });
    if let Some(data) = &error.data {
        body["data"] = data.clone();
    }
    line(&json!({ "jsonrpc": "2.0", "id": id.map_or(Value::Null, Id::to_value), "error": body }))
}

/// JSON never holds a raw newline, so a line is a message.
fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}
