//! What tells programs of the proxy. They need not listen: without it they come to the same place.

/// Variables for programs whose proxy is at this port of their loopback address.
pub fn environment(port: u16) -> Vec<(String, String)> {
    let proxy = format!("http://127.0.0.1:{port}");
    let java = ["http", "https"]
        .map(|scheme| format!("-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={port}"))
        .join(" ");
    let mut variables = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        variables.push((name.to_string(), proxy.clone()));
        variables.push((name.to_ascii_lowercase(), proxy.clone()));
    }
    variables.push(("NO_PROXY".into(), String::new()));
    variables.push(("no_proxy".into(), String::new()));
    variables.push(("NODE_USE_ENV_PROXY".into(), "1".into()));
    variables.push(("JAVA_TOOL_OPTIONS".into(), java));
    variables
}
