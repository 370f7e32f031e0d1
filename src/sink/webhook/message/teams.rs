//! A message for a workflow of Microsoft Teams ("Post to a channel when a webhook request is received").
//!
//! Formats: "Create incoming webhooks with Workflows for Microsoft Teams" at learn.microsoft.com (a `message` with one Adaptive
//! Card as attachment; messages up to some 28 KB) and the schema of Adaptive Cards 1.4 at adaptivecards.io.
//!
//! `TextBlock` and `FactSet` read Markdown, so a value could become a link. `TextRun` does not, so all text is in such. What is
//! left are the functions `{{DATE(…)}}` and `{{TIME(…)}}`, which two braces with a space between are not.

use serde_json::{Value, json};

use super::Message;

pub(in crate::sink::webhook) fn body(message: &Message) -> Value {
    let headline = block(vec![json!({
        "type": "TextRun", "text": unread(&message.headline), "weight": "Bolder", "size": "Medium",
    })]);
    let facts = message.facts.iter().map(|(name, value)| {
        block(vec![
            json!({"type": "TextRun", "text": format!("{name}: "), "weight": "Bolder"}),
            json!({"type": "TextRun", "text": unread(value)}),
        ])
    });
    let body: Vec<Value> = std::iter::once(headline).chain(facts).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}

fn block(inlines: Vec<Value>) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines})
}

fn unread(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("{{") {
        text = text.replace("{{", "{ {");
    }
    text
}
