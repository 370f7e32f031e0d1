//! What users of Confluent's published Python monitor have: denied access to sensitive resources, as a condition.
//!
//! That script looks at one family of events only and at one spelling of "denied". Here every spelling counts, and an
//! operation is looked for where each family has it: in `operation` for a permission that was checked, in `method` for a
//! request.

use super::super::condition::quoted;

/// Which events a `monitor` step keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Monitor {
    /// What the resource's name begins with.
    pub prefix: String,
    /// The prefix may stand anywhere in the name, in upper or lower case, as the script has it.
    pub contains: bool,
    /// Operations of permissions that were checked.
    pub operations: Vec<String>,
    /// Methods of requests.
    pub methods: Vec<String>,
}

impl Monitor {
    /// The condition, as a user would write it.
    pub fn when(&self) -> String {
        let names = |name: &str| {
            let prefix = quoted(&self.prefix);
            if self.contains {
                let lower = quoted(&self.prefix.to_ascii_lowercase());
                format!("{name}.lowerAscii().contains({lower})")
            } else {
                format!("{name}.startsWith({prefix})")
            }
        };
        let list = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
        let mut asked = Vec::new();
        if !self.operations.is_empty() {
            asked.push(format!("operation in [{}]", list(&self.operations)));
        }
        if !self.methods.is_empty() {
            asked.push(format!("method in [{}]", list(&self.methods)));
        }
        let asked = if asked.is_empty() { String::new() } else { format!("({}) && ", asked.join(" || ")) };
        format!("denied && {asked}({} || resource_ids.exists(x, {}))", names("resource"), names("x"))
    }
}
