//! Logins as Java writes them: `sasl.jaas.config`.
//!
//! The text holds a password, so no error quotes it.

/// The one login module of the text, with its options in their order.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Login {
    /// The class without its package.
    pub(super) module: String,
    options: Vec<(String, String)>,
}

impl Login {
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }
}

/// Parses `class flag name="value" …;` with exactly one login module.
///
/// # Errors
/// What is wrong, without quoting anything.
pub(super) fn parse(text: &str) -> Result<Login, &'static str> {
    let mut tokens = tokens(text)?.into_iter();
    let class = tokens.next().and_then(Token::word).ok_or("it does not begin with the class of a login module")?;
    tokens.next().and_then(Token::word).ok_or("`required` is missing after the class")?;
    let mut options = Vec::new();
    loop {
        match tokens.next() {
            Some(Token::Mark(';')) => break,
            Some(Token::Word(name)) => {
                let equals = tokens.next();
                let value = tokens.next().and_then(Token::word);
                match (equals, value) {
                    (Some(Token::Mark('=')), Some(value)) => options.push((name, value)),
                    _ => return Err("an option is not `name=value`"),
                }
            }
            Some(Token::Mark(_)) => return Err("an option is not `name=value`"),
            None => return Err("the `;` at the end is missing"),
        }
    }
    if tokens.next().is_some() {
        return Err("it names more than one login module");
    }
    let module = class.rsplit('.').next().unwrap_or_default().to_owned();
    Ok(Login { module, options })
}

enum Token {
    Word(String),
    Mark(char),
}

impl Token {
    fn word(self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word),
            Self::Mark(_) => None,
        }
    }
}

/// As Java's `StreamTokenizer` takes the text apart: words, quoted words with escapes, and `=` and `;`.
fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '=' | ';' => tokens.push(Token::Mark(c)),
            '"' | '\'' => tokens.push(Token::Word(quoted(c, &mut chars)?)),
            c => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|c| !(c.is_whitespace() || matches!(c, '=' | ';' | '"' | '\''))) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn quoted(quote: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, &'static str> {
    let mut word = String::new();
    loop {
        match chars.next() {
            None | Some('\n' | '\r') => return Err("a quotation mark is not closed"),
            Some(c) if c == quote => return Ok(word),
            Some('\\') => match chars.next().ok_or("a quotation mark is not closed")? {
                'a' => word.push('\u{7}'),
                'b' => word.push('\u{8}'),
                'f' => word.push('\u{c}'),
                'n' => word.push('\n'),
                'r' => word.push('\r'),
                't' => word.push('\t'),
                'v' => word.push('\u{b}'),
                first @ '0'..='7' => word.push(octal(first, chars)),
                other => word.push(other),
            },
            Some(c) => word.push(c),
        }
    }
}

/// Up to three octal digits, the first of three at most 3.
fn octal(first: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> char {
    let digit = |c: char| c.to_digit(8).unwrap_or(0);
    let most = if first <= '3' { 2 } else { 1 };
    let mut code = digit(first);
    for _ in 0..most {
        let Some(next) = chars.next_if(|c| ('0'..='7').contains(c)) else { break };
        code = code * 8 + digit(next);
    }
    char::from_u32(code).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_as_java_reads_it() {
        let text = "org.apache.kafka.common.security.scram.ScramLoginModule required\n  username=\"ann\" \
                    password='p\"=;w' tokenauth=true;";
        let login = parse(text).expect("well formed");
        assert_eq!(login.module, "ScramLoginModule");
        assert_eq!(login.option("username"), Some("ann"));
        assert_eq!(login.option("password"), Some("p\"=;w"));
        assert_eq!(login.option("tokenauth"), Some("true"));
        assert_eq!(login.option("other"), None);
    }

    #[test]
    fn escapes_in_quotes_are_those_of_java() {
        let login = parse(r#"x.PlainLoginModule required password="a\"b\\c\n\101\4011";"#).expect("well formed");
        assert_eq!(login.option("password"), Some("a\"b\\c\nA 11"));
    }

    #[test]
    fn what_is_malformed_is_said_without_quoting_it() {
        for text in [
            "",
            "x.Y",
            "x.Y required password=\"canary\"",
            "x.Y required password=\"canary;",
            "x.Y required canary;",
            "x.Y required password=;",
            "x.Y required a=b; x.Z required c=d;",
        ] {
            let cause = parse(text).expect_err(text);
            assert!(!cause.contains("canary"), "{cause}");
        }
    }
}
