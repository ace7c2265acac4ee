//! Renderings of the state: the JSON API. Writes only by submitting a command.
