//! Helm as a process, and what it renders as values.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The release and the namespace of everything that is rendered for comparison.
pub const RELEASE: &str = "ferry";
pub const NAMESPACE: &str = "audit";

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn chart() -> PathBuf {
    repository("helm/auditferry")
}

pub fn read(path: &str) -> String {
    let path = repository(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// A tool that `make chart-test` has fetched, or one on the PATH.
pub fn tool(name: &str) -> PathBuf {
    let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let tools = built.parent().expect("Cargo's scratch folder lies in its target folder").join("tools");
    let places = [tools.join("bin").join(name), tools.join("python/bin").join(name)];
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| PathBuf::from(name))
}

/// Helm with folders of its own, so that nothing of the developer's is read.
pub fn helm() -> Command {
    let mut command = Command::new(tool("helm"));
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
    command.env("HELM_CACHE_HOME", home.join("cache")).env("HELM_CONFIG_HOME", home.join("config"));
    command.env("HELM_DATA_HOME", home.join("data")).env("KUBECONFIG", "/dev/null");
    command
}

pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("start {command:?}: {error} (run `make chart-test` once)"))
}

/// What a command prints; panics when it fails.
#[track_caller]
pub fn stdout(command: &mut Command) -> String {
    let output = output(command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("tools print UTF-8")
}

/// `helm template` of the chart with these files of values and further arguments.
pub fn template<S: AsRef<std::ffi::OsStr>>(values: &[PathBuf], arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = helm();
    command.args(["template", RELEASE]).arg(chart()).args(["--namespace", NAMESPACE, "--kube-version", "1.35.0"]);
    for file in values {
        command.arg("--values").arg(file);
    }
    command.args(arguments);
    command
}

/// An example: a file of values in `helm/auditferry/ci`.
#[derive(Clone, Debug)]
pub struct Example {
    /// The file's name without `-values.yaml`.
    pub name: String,
    pub file: PathBuf,
    /// Arguments that its first lines ask for: `# helm: --api-versions x`.
    pub arguments: Vec<String>,
}

/// All examples, by name.
pub fn examples() -> Vec<Example> {
    let entries = fs::read_dir(chart().join("ci")).expect("the examples lie in ci/");
    let mut examples: Vec<Example> = entries
        .map(|entry| entry.expect("readable").path())
        .map(|file| {
            let text = fs::read_to_string(&file).expect("readable");
            let asked = text.lines().filter_map(|line| line.strip_prefix("# helm: "));
            let arguments = asked.flat_map(str::split_whitespace).map(str::to_owned).collect();
            let name = file.file_name().and_then(|name| name.to_str()).expect("a plain name");
            let name = name.strip_suffix("-values.yaml").expect("as chart-testing wants it").to_owned();
            Example { name, file, arguments }
        })
        .collect();
    examples.sort_by(|one, other| one.name.cmp(&other.name));
    examples
}

pub fn example(name: &str) -> Example {
    examples().into_iter().find(|example| example.name == name).unwrap_or_else(|| panic!("no example {name}"))
}

impl Example {
    pub fn render(&self) -> String {
        stdout(&mut template(std::slice::from_ref(&self.file), &self.arguments))
    }

    pub fn objects(&self) -> Vec<Value> {
        objects(&self.render())
    }

    /// As it is rendered with values on top of its own.
    pub fn objects_with(&self, values: &Value) -> Vec<Value> {
        let folder = tempfile::tempdir().expect("make a temporary directory");
        let file = folder.path().join("values.json");
        fs::write(&file, values.to_string()).expect("write below the temporary directory");
        objects(&stdout(&mut template(&[self.file.clone(), file], &self.arguments)))
    }

    pub fn values(&self) -> Value {
        parse(&fs::read_to_string(&self.file).expect("readable"))
    }
}

pub fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("not YAML: {error}\n{yaml}"))
}

/// The objects of a rendered chart.
pub fn objects(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The only object of this kind.
#[track_caller]
pub fn only<'v>(objects: &'v [Value], kind: &str) -> &'v Value {
    let mut found = all(objects, kind).into_iter();
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind}"));
    assert!(found.next().is_none(), "there are several {kind}");
    first
}

pub fn all<'v>(objects: &'v [Value], kind: &str) -> Vec<&'v Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The StatefulSet or Deployment.
#[track_caller]
pub fn workload(objects: &[Value]) -> &Value {
    let found = objects.iter().find(|object| object["kind"] == "StatefulSet" || object["kind"] == "Deployment");
    found.expect("there is a workload")
}

/// Whether generated files are to be written again instead of compared.
#[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
pub fn update() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

/// Compares a generated text with what is recorded, or records it.
#[track_caller]
pub fn golden(path: &str, text: &str) {
    let file = repository(path);
    if update() {
        fs::create_dir_all(file.parent().expect("files lie in folders")).expect("writable");
        fs::write(&file, text).expect("writable");
        return;
    }
    let recorded = fs::read_to_string(&file).unwrap_or_default();
    if recorded == text {
        return;
    }
    let differs = recorded.lines().zip(text.lines()).position(|(one, other)| one != other);
    let line = differs.unwrap_or_else(|| recorded.lines().count().min(text.lines().count()));
    panic!(
        "{path} is out of date from line {}: recorded {:?}, now {:?}. `make chart-golden` writes it; read the diff.",
        line + 1,
        recorded.lines().nth(line),
        text.lines().nth(line)
    );
}
