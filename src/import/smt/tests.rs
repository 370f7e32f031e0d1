//! What becomes of transforms: each by itself, and where they meet.

use crate::import::tests::{assert_has, config, levels, with};
use crate::import::{Level, Outcome};

const JSON: &str = "value.converter=x.JsonConverter\nvalue.converter.schemas.enable=false\n";

/// Transforms by `NAME CLASS key=value …`, after lines of settings.
fn transformed(settings: &str, transforms: &[&str]) -> Outcome {
    let mut text = format!("{JSON}{settings}\n");
    let mut names = Vec::new();
    for transform in transforms {
        let mut words = transform.split(' ');
        let (name, class) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        names.push(name);
        text += &format!("transforms.{name}.type=org.apache.kafka.connect.transforms.{class}\n");
        words.for_each(|word| text += &format!("transforms.{name}.{word}\n"));
    }
    text += &format!("transforms={}\n", names.join(","));
    with(&text)
}

fn has_not(outcome: &Outcome, unexpected: &str) {
    assert!(!config(outcome).contains(unexpected), "`{unexpected}` in\n{}", config(outcome));
}

/// What is refused of transform `name`, in words.
fn refusal(outcome: &Outcome, name: &str) -> String {
    let key = format!("transforms.{name}.type");
    let of_key = |level: Level, found: &str| level == Level::Refused && found == key;
    let found = outcome.findings.iter().find(|finding| of_key(finding.level, &finding.key));
    found.map_or_else(|| panic!("{name} is not refused: {:#?}", outcome.findings), |finding| finding.cause.clone())
}

const NOISE: &str = "predicates=p\npredicates.p.type=org.apache.kafka.connect.transforms.predicates.TopicNameMatches\n\
                     predicates.p.pattern=b.*";

#[test]
fn a_filter_by_topic_becomes_a_rule_that_names_the_topics() {
    let outcome = transformed(NOISE, &["noise Filter predicate=p"]);
    assert_has(&outcome, "  - drop:");
    assert_has(&outcome, "name: noise\n");
    assert_has(&outcome, "when: \"topic in ['b']\"");
    assert_eq!(levels(&outcome, "transforms.noise.type"), [Level::Warning, Level::Carried]);
    let outcome = transformed(NOISE, &["noise Filter predicate=p negate=true"]);
    assert_has(&outcome, "when: \"topic in ['a']\"");
    let outcome = transformed(&format!("topics=\ntopics.regex=.*\n{NOISE}"), &["n Filter predicate=p negate=true"]);
    assert_has(&outcome, r#"when: "!topic.matches(r\"^(?:b.*)$\")""#);
    let outcome = transformed(&format!("topics=x,y\n{NOISE}"), &["noise Filter predicate=p"]);
    has_not(&outcome, "transforms:");
    assert_eq!(levels(&outcome, "transforms.noise.type"), [Level::Note]);
}

#[test]
fn a_filter_sees_the_names_that_a_router_before_it_has_made() {
    let router = "route RegexRouter regex=a replacement=b-$0";
    let outcome = transformed(NOISE, &[router, "noise Filter predicate=p"]);
    assert!(refusal(&outcome, "noise").contains("leaves out every record"));
    let outcome = transformed(NOISE, &["noise Filter predicate=p", router]);
    assert_has(&outcome, "when: \"topic in ['b']\"");
    let outcome = transformed(NOISE, &["time TimestampRouter", "noise Filter predicate=p"]);
    assert!(refusal(&outcome, "noise").contains("an earlier transform makes"));
}

#[test]
fn a_filter_of_tombstones_is_what_dead_letters_are_for_and_its_reverse_leaves_nothing() {
    let tombstones = "predicates=p\npredicates.p.type=x.RecordIsTombstone";
    let outcome = transformed(tombstones, &["t Filter predicate=p"]);
    has_not(&outcome, "transforms:");
    assert_eq!(levels(&outcome, "transforms.t.type"), [Level::Warning]);
    let outcome = transformed(tombstones, &["t Filter predicate=p negate=true"]);
    assert!(refusal(&outcome, "t").contains("every record"));
    let outcome = transformed("", &["t Filter"]);
    assert!(refusal(&outcome, "t").contains("every record"));
}

#[test]
fn predicates_that_cannot_be_told_are_refused_by_name() {
    for (predicate, words) in [
        ("predicates.p.type=x.HasHeaderKey\npredicates.p.name=h", "depends on a header"),
        ("predicates.p.type=com.example.Own", "com.example.Own"),
        ("", "not defined"),
        ("predicates.p.type=x.TopicNameMatches\npredicates.p.pattern=(?!a).*", "not understood"),
        ("predicates.p.type=x.TopicNameMatches\npredicates.p.pattern=a++", "not understood"),
    ] {
        let outcome = transformed(&format!("predicates=p\n{predicate}"), &["t Filter predicate=p"]);
        assert!(refusal(&outcome, "t").contains(words), "{}", refusal(&outcome, "t"));
        has_not(&outcome, "transforms:");
    }
}

#[test]
fn masked_and_removed_members_are_redacted_by_name() {
    let outcome = transformed("", &["m MaskField$Value fields=card,a.b replacement=***"]);
    assert_has(&outcome, "  - redact:");
    assert_has(&outcome, r#"paths: [card, "\"a.b\""]"#);
    assert_has(&outcome, "with: replace");
    assert_has(&outcome, "replacement: \"***\"");
    has_not(&outcome, "keep_");
    assert_eq!(levels(&outcome, "transforms.m.type"), [Level::Warning, Level::Carried]);
    assert_has(&transformed("", &["m MaskField$Value fields=card"]), "replacement: \"\"");
    for key in ["exclude", "blacklist"] {
        let outcome = transformed("", &[&format!("r ReplaceField$Value {key}=card")]);
        assert_has(&outcome, "paths: [card]");
        assert_has(&outcome, "with: drop");
    }
}

#[test]
fn what_the_sink_takes_beside_the_value_stays_when_something_is_redacted() {
    let settings = "splunk.hec.track.data=true\nsplunk.header.support=true\nsplunk.header.index=i\n\
                    splunk.header.custom=c";
    let outcome = transformed(settings, &["m MaskField$Value fields=card"]);
    assert_has(&outcome, "keep_key: true");
    assert_has(&outcome, "keep_headers: [i, splunk.header.source, splunk.header.sourcetype, splunk.header.host, c]");
    let outcome = transformed(&format!("{settings}\nsplunk.hec.raw=true"), &["m MaskField$Value fields=card"]);
    has_not(&outcome, "keep_key");
    assert_has(&outcome, "keep_headers: [i, splunk.header.source, splunk.header.sourcetype, splunk.header.host]");
}

#[test]
fn a_fixed_text_stands_beside_the_event() {
    let outcome = transformed("", &["who InsertField$Value static.field=team! static.value=soc"]);
    assert_has(&outcome, "  - enrich:");
    assert_has(&outcome, "team: soc");
    has_not(&outcome, "place:");
    let outcome = transformed("splunk.hec.raw=true", &["who InsertField$Value static.field=team static.value=soc"]);
    assert_has(&outcome, "place: event");
    let outcome = transformed("", &["who InsertField$Value topic.field=t offset.field=o"]);
    assert_eq!(levels(&outcome, "transforms.who.type"), [Level::Warning, Level::Carried]);
    has_not(&outcome, "transforms:");
    for (settings, transform) in [
        ("", "who InsertField$Value timestamp.field=t"),
        ("splunk.hec.raw=true", "who InsertField$Value topic.field=t"),
        ("", "who InsertField$Value static.field=team"),
    ] {
        refusal(&transformed(settings, &[transform]), "who");
    }
}

#[test]
fn what_would_depend_on_the_order_is_refused() {
    let mask = "m MaskField$Value fields=card";
    for later in ["r ReplaceField$Value exclude=x,card", "r InsertField$Value static.field=card static.value=x"] {
        let outcome = transformed("", &[mask, later]);
        assert!(refusal(&outcome, "r").contains("`card`"));
        assert_has(&outcome, "with: replace");
        has_not(&outcome, "enrich:");
    }
}

#[test]
fn changes_of_the_value_under_a_condition_are_refused_unless_it_always_or_never_holds() {
    let mask = "m MaskField$Value fields=card predicate=p";
    assert!(refusal(&transformed(NOISE, &[mask]), "m").contains("some topics only"));
    assert_has(&transformed(&format!("topics=b1,b2\n{NOISE}"), &[mask]), "redact:");
    let outcome = transformed(&format!("topics=x\n{NOISE}"), &[mask]);
    assert_eq!(levels(&outcome, "transforms.m.type"), [Level::Note]);
    let tombstones = "predicates=p\npredicates.p.type=x.RecordIsTombstone";
    assert_has(&transformed(tombstones, &[&format!("{mask} negate=true")]), "redact:");
    assert_eq!(levels(&transformed(tombstones, &[mask]), "transforms.m.type"), [Level::Note]);
}

#[test]
fn a_router_chooses_index_and_enrichment_as_the_connector_would_have_found_them() {
    let settings = "topics=a,b,c\nsplunk.indexes=one,two,three\nsplunk.hec.json.event.enrichment=env=prod";
    let outcome = transformed(settings, &["route RegexRouter regex=a replacement=c"]);
    for row in ["{topic: a, index: three}", "{topic: b, index: two}", "{topic: c, index: three}"] {
        assert_has(&outcome, row);
    }
    assert_eq!(levels(&outcome, "splunk.indexes"), [Level::Carried]);
    assert_eq!(levels(&outcome, "transforms.route.type"), [Level::Warning]);
    let outcome = transformed(settings, &["route RegexRouter regex=(a|b) replacement=x-$1"]);
    assert_has(&outcome, "{topic: c, index: three}");
    has_not(&outcome, "index: one");
    assert_eq!(levels(&outcome, "splunk.indexes"), [Level::Warning, Level::Carried]);
    assert_eq!(levels(&outcome, "splunk.hec.json.event.enrichment"), [Level::Warning, Level::Carried]);
    let outcome = transformed("topics=a,b\nsplunk.indexes=main", &["time TimestampRouter"]);
    has_not(&outcome, "index:");
    assert_eq!(levels(&outcome, "splunk.indexes"), [Level::Warning]);
    let outcome = transformed("topics=a,b\nsplunk.indexes=main", &["route RegexRouter regex=z replacement=y"]);
    assert_has(&outcome, "index: main");
    assert_eq!(levels(&outcome, "transforms.route.type"), [Level::Note]);
}

#[test]
fn what_only_concerns_key_headers_or_schema_has_nothing_to_carry_over_while_they_are_not_sent() {
    for transform in [
        "t ValueToKey fields=a",
        "t MaskField$Key fields=a",
        "t ExtractField$Key field=a",
        "t InsertHeader header=h value.literal=x",
        "t DropHeaders headers=h",
        "t SetSchemaMetadata$Value schema.name=x",
    ] {
        let outcome = transformed("", &[transform]);
        assert_eq!(levels(&outcome, "transforms.t.type"), [Level::Note], "{transform}");
    }
    let sent = "splunk.hec.track.data=true\nsplunk.header.support=true\nsplunk.header.custom=h";
    for transform in ["t ValueToKey fields=a", "t InsertHeader header=h value.literal=x", "t DropHeaders headers=x, h"]
    {
        refusal(&transformed(sent, &[transform.replace(", ", ",").as_str()]), "t");
    }
}

#[test]
fn what_shapes_the_record_is_refused_with_what_it_does() {
    for (transform, words) in [
        ("t ExtractField$Value field=a", "one member"),
        ("t Flatten$Value", "flattens"),
        ("t HoistField$Value field=a", "wraps"),
        ("t Cast$Value spec=a:string", "type of members"),
        ("t TimestampConverter$Value field=a", "times"),
        ("t HeaderFrom$Value fields=a", "into headers"),
        ("t ReplaceField$Value include=a", "listed members only"),
        ("t ReplaceField$Value renames=a:b exclude=c", "renames"),
        ("t MaskField$Value fields=a replacement={length}", "{length}"),
        ("t Nonsense", "not known"),
    ] {
        let outcome = transformed("", &[transform]);
        assert!(refusal(&outcome, "t").contains(words), "{transform}");
        has_not(&outcome, "transforms:");
    }
    let lines = "transforms=t\ntransforms.t.type=io.confluent.connect.transforms.Filter$Value";
    assert!(refusal(&with(&format!("{JSON}{lines}")), "t").contains("JSONPath"));
    let text =
        "value.converter=x.StringConverter\ntransforms=t\ntransforms.t.type=x.MaskField$Value\ntransforms.t.fields=a";
    assert!(refusal(&with(text), "t").contains("text or bytes"));
}
