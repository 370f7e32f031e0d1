//! What is written, read back: escapes, fields, filters, repeats.

use serde_json::Value as Json;

use super::*;

/// A log that writes into memory, and the lines written so far.
#[derive(Clone)]
struct Sheet(Arc<Mutex<Vec<u8>>>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Captured {
    sheet: Sheet,
    log: Arc<Log>,
}

impl Captured {
    /// Runs `speak` with a log in this style and filter.
    fn of(style: Style, filter: Option<&str>, speak: impl FnOnce()) -> Self {
        let sheet = Sheet(Arc::default());
        let log = Arc::new(Log::new(style, Box::new(sheet.clone())));
        let lines = Lines { log: Arc::clone(&log) }.with_filter(parse_filter(filter).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), speak);
        Self { sheet, log }
    }

    fn text(&self) -> String {
        String::from_utf8(self.sheet.0.lock().unwrap().clone()).unwrap()
    }

    fn json(&self) -> Vec<Json> {
        self.text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// What a malicious server could say: a line of its own, a terminal command, a turned text, a closed string.
const WICKED: &str = "no\n{\"level\":\"INFO\"}\r\u{1b}[2J\u{9b}31m\u{202e}\"}\\ \u{0}";

#[test]
fn a_json_line_holds_time_level_target_message_and_typed_fields() {
    let captured = Captured::of(Style::Json, None, || {
        tracing::info!(pipeline = "p", offset = %42, records = 7u64, below = -1, share = 0.5, none = f64::NAN, on = true, "something happened");
    });
    let lines = captured.json();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert!(line["ts"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "auditferry::log::tests");
    assert_eq!(line["msg"], "something happened");
    assert_eq!((&line["offset"], &line["records"], &line["below"]), (&"42".into(), &7.into(), &(-1).into()));
    assert_eq!((&line["share"], &line["none"], &line["on"]), (&0.5.into(), &"NaN".into(), &true.into()));
}

#[test]
fn nothing_in_a_field_or_message_can_begin_a_line_or_command_a_terminal() {
    for style in [Style::Json, Style::Text { colour: false }] {
        let captured = Captured::of(style, None, || tracing::warn!(detail = WICKED, other = ?WICKED, "{WICKED}"));
        let text = captured.text();
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        let body = text.trim_end_matches('\n');
        assert!(!body.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
        if style == Style::Json {
            assert_eq!(captured.json()[0]["detail"], WICKED, "what was said is kept");
            assert_eq!(captured.json()[0]["msg"], WICKED);
        }
    }
}

#[test]
fn fields_named_like_ours_do_not_replace_ours() {
    let captured = Captured::of(Style::Json, None, || tracing::info!(level = "ERROR", msg = "forged", "true"));
    let line = &captured.json()[0];
    assert_eq!((&line["level"], &line["msg"]), (&"INFO".into(), &"true".into()));
}

#[test]
fn a_text_line_reads_from_time_to_fields() {
    let captured = Captured::of(Style::Text { colour: false }, None, || {
        tracing::warn!(endpoint = "https://a:8088", detail = "not found", "delivery fails");
    });
    let text = captured.text();
    assert!(text.ends_with("Z  WARN delivery fails endpoint=https://a:8088 detail=\"not found\"\n"), "{text:?}");
}

#[test]
fn colours_appear_only_when_asked_for() {
    let coloured = Captured::of(Style::Text { colour: true }, None, || tracing::error!("broken"));
    assert!(coloured.text().contains("\u{1b}[1;31mERROR\u{1b}[0m"));
}

#[test]
fn the_filter_shows_ours_from_info_and_a_level_alone_is_about_ours() {
    let speak = || {
        tracing::debug!("ours");
        tracing::info!(target: "hyper::proto", "theirs");
        tracing::warn!(target: "librdkafka", "fail");
        tracing::warn!(target: "hyper", "unexpected");
    };
    let said = |filter| {
        let lines = Captured::of(Style::Json, filter, speak).json();
        lines.iter().map(|line| line["msg"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said(None), ["unexpected"]);
    assert_eq!(said(Some(" ")), ["unexpected"]);
    assert_eq!(said(Some("debug")), ["ours", "unexpected"]);
    assert_eq!(said(Some("hyper=info")), ["theirs", "unexpected"]);
}

#[test]
fn a_wrong_filter_is_refused_with_what_to_write_instead() {
    for wrong in ["loud", "auditferry=loud", "a=b=c"] {
        let error = parse_filter(Some(wrong)).unwrap_err();
        assert!(error.contains(wrong) && error.contains("debug"), "{error}");
    }
}

#[test]
fn repeated_lines_are_counted_and_summed_up_when_the_window_ends() {
    let captured = Captured::of(Style::Json, None, || {
        for pipeline in ["a", "b", "a", "a", "b"] {
            tracing::warn!(pipeline, reason = "busy", "delivery fails");
        }
    });
    let messages = |lines: &[Json]| lines.iter().map(|l| (l["pipeline"].clone(), l["msg"].clone())).collect::<Vec<_>>();
    let fails = |pipeline: &str| (Json::from(pipeline), Json::from("delivery fails"));
    assert_eq!(messages(&captured.json()), [fails("a"), fails("b")]);
    captured.log.end_windows(Instant::now());
    assert_eq!(captured.json().len(), 2, "the window is still open");
    captured.log.end_windows(Instant::now() + crate::defaults::LOG_REPEAT_WINDOW);
    let lines = captured.json();
    let mut summaries: Vec<_> = lines[2..].iter().map(|line| (line["pipeline"].as_str(), &line["count"])).collect();
    summaries.sort_by_key(|(pipeline, _)| *pipeline);
    assert_eq!(summaries, [(Some("a"), &2.into()), (Some("b"), &1.into())], "each pipeline has its own count");
    assert_eq!((&lines[2]["level"], &lines[2]["like"]), (&"WARN".into(), &"delivery fails".into()));
}

#[test]
fn a_changed_line_comes_at_once_after_the_count_of_the_old_one() {
    let captured = Captured::of(Style::Json, None, || {
        for reason in ["busy", "busy", "timeout"] {
            tracing::error!(pipeline = "a", reason, "delivery fails");
        }
    });
    let shown: Vec<Json> = captured.json().iter().map(|line| line["reason"].clone()).collect();
    assert_eq!(shown, [Json::from("busy"), Json::Null, Json::from("timeout")]);
    assert_eq!(captured.json()[1]["count"], 1);
}

#[test]
fn debug_lines_are_never_suppressed() {
    let captured = Captured::of(Style::Json, Some("debug"), || (0..30).for_each(|_| tracing::debug!("again")));
    assert_eq!(captured.json().len(), 30);
}
