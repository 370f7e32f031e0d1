//! What a kubelet does with a pod, as far as the program can tell: files of ConfigMaps and Secrets behind a symbolic link that is
//! swapped, the environment, a root that nobody may write to, a user and groups from the security context, no capabilities.
//!
//! The container runs under bubblewrap. The image holds only the program; the program under test is linked dynamically, so the
//! libraries of this machine are lent to it. The network is this machine's: the admin server is moved to 127.0.0.1.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::support::child::{self, Guarded};
use crate::support::process::{self, PROGRAM};

/// What the container's file system has from the machine that runs it.
const LENT: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/etc/hosts", "/etc/resolv.conf"];

/// The user that the process of the container runs as.
#[derive(Clone, Copy, Debug)]
struct Identity {
    user: u32,
    group: u32,
    /// The group of the volumes.
    files: u32,
}

pub struct Container {
    /// Declared before `home`: it must be dead before its files are removed.
    child: Guarded,
    home: TempDir,
    admin: SocketAddr,
    spec: Value,
    volumes: BTreeMap<String, PathBuf>,
    identity: Identity,
}

impl Container {
    /// Starts the only container of a pod that the API server has given back.
    pub fn start(cluster: &Cluster, pod: &Value) -> Self {
        let home = tempfile::Builder::new().prefix("auditferry-pod-").tempdir().expect("make a temporary directory");
        // The user of the container has to get through to its files.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let spec = pod["spec"]["containers"][0].clone();
        let identity = identity(&pod["spec"]["securityContext"]);
        let namespace = pod["metadata"]["namespace"].as_str().expect("a pod has a namespace");
        let mut volumes = BTreeMap::new();
        for volume in pod["spec"]["volumes"].as_array().expect("there are volumes") {
            let name = volume["name"].as_str().expect("it has a name").to_owned();
            let place = home.path().join("volumes").join(&name);
            fs::create_dir_all(&place).expect("writable");
            fill(cluster, namespace, volume, &place, identity);
            volumes.insert(name, place);
        }
        let port = spec["ports"][0]["containerPort"].as_u64().unwrap_or(0) as u16;
        let admin = SocketAddr::from(([127, 0, 0, 1], port));
        let mut environment = environment(cluster, pod);
        environment.insert("AUDITFERRY_ADMIN__LISTEN".to_owned(), admin.to_string());
        let mut command = sandbox(home.path(), &spec, &volumes, identity);
        for (name, value) in &environment {
            command.args(["--setenv", name, value]);
        }
        // The image's entrypoint, and the container's arguments.
        assert!(spec.get("command").is_none(), "the entrypoint of the image is the program");
        command.arg("/auditferry");
        command.args(spec["args"].as_array().expect("there are arguments").iter().filter_map(Value::as_str));
        let file = |name: &str| File::create(home.path().join(name)).expect("writable");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = Guarded::spawn(&mut command, Some(home.path()));
        Self { child, home, admin, spec, volumes, identity }
    }

    pub fn child(&mut self) -> &mut Guarded {
        &mut self.child
    }

    /// Asks the program to stop, as the kubelet does. It is the last of the processes that were started one by the other: bubblewrap
    /// stays until it ends, and ends as it did.
    pub fn terminate(&self) {
        let child_of = |process: u32| {
            let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        let last = std::iter::successors(Some(self.child.id()), |process| child_of(*process)).last();
        child::signal(last.expect("at least the first"), "TERM");
    }

    pub fn printed(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
        read("stdout") + &read("stderr")
    }

    /// Asks as the kubelet does: the path and the named port of this probe. Whether it passes.
    pub fn probe(&self, name: &str) -> bool {
        let request = &self.spec[name]["httpGet"];
        assert_eq!(request["port"], self.spec["ports"][0]["name"], "{name} asks a port of the container");
        let path = request["path"].as_str().unwrap_or_else(|| panic!("{name} has a path"));
        process::get(self.admin, path).is_some_and(|(code, _)| code == 200)
    }

    pub fn scrape(&self) -> String {
        process::get(self.admin, "/metrics").expect("it answers").1
    }

    /// The folder behind a volume.
    pub fn volume(&self, name: &str) -> &Path {
        &self.volumes[name]
    }

    /// Replaces the files of a volume as the kubelet does when a Secret has changed: a new folder, then the link is swapped.
    pub fn replace(&self, volume: &str, files: &[(&str, &str)], mode: u32) {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        write_behind_link(self.volume(volume), &files, mode, self.identity);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the container printed\n{}", self.printed());
        }
    }
}

/// Who runs, of a pod whose platform gives the numbers that the pod does not ask for.
fn identity(context: &Value) -> Identity {
    let given = |key: &str| context[key].as_u64().map(|number| number as u32);
    // OpenShift: a user and a group of volumes that nobody knows, and group 0.
    let random = fastrand::u32(1_000_000_000..1_100_000_000);
    Identity {
        user: given("runAsUser").unwrap_or(random),
        group: given("runAsGroup").unwrap_or(0),
        files: given("fsGroup").unwrap_or(random),
    }
}

/// bubblewrap, up to the program.
fn sandbox(home: &Path, spec: &Value, volumes: &BTreeMap<String, PathBuf>, identity: Identity) -> Command {
    let root = home.join("root");
    fs::create_dir_all(&root).expect("writable");
    let context = &spec["securityContext"];
    assert_eq!((&context["readOnlyRootFilesystem"], &context["capabilities"]["drop"]), (&json!(true), &json!(["ALL"])));
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &identity.user.to_string(), "--regid", &identity.group.to_string()]);
    command.args(["--groups", &identity.files.to_string(), "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]);
    command.args(["bwrap", "--unshare-user", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL", "--clearenv"]);
    command.arg("--ro-bind").arg(&root).arg("/");
    for path in LENT.iter().filter(|path| Path::new(path).exists()) {
        make_place(&root, path, Path::new(path).is_dir());
        command.args(["--ro-bind", path, path]);
    }
    make_place(&root, "/auditferry", false);
    command.args(["--ro-bind", PROGRAM, "/auditferry"]);
    make_place(&root, "/dev", true);
    command.args(["--dev", "/dev"]);
    make_place(&root, "/proc", true);
    command.args(["--ro-bind", "/proc", "/proc"]);
    for mount in spec["volumeMounts"].as_array().expect("there are mounts") {
        let path = mount["mountPath"].as_str().expect("it has a path");
        let name = mount["name"].as_str().expect("it has a name");
        make_place(&root, path, true);
        command.arg(if mount["readOnly"] == true { "--ro-bind" } else { "--bind" });
        command.arg(&volumes[name]).arg(path);
    }
    command
}

/// A file or folder in the root that something is mounted upon: the root itself cannot be written to.
fn make_place(root: &Path, path: &str, is_folder: bool) {
    let place = root.join(path.trim_start_matches('/'));
    if is_folder {
        fs::create_dir_all(place).expect("writable");
        return;
    }
    fs::create_dir_all(place.parent().expect("it lies in the root")).expect("writable");
    File::create(place).expect("writable");
}

fn fill(cluster: &Cluster, namespace: &str, volume: &Value, place: &Path, identity: Identity) {
    let mut files = BTreeMap::new();
    let mode = match (volume.get("configMap"), volume.get("projected")) {
        (Some(map), _) => {
            files.extend(files_of(cluster, namespace, "configmaps", map));
            map["defaultMode"].as_u64()
        }
        (_, Some(projected)) => {
            for source in projected["sources"].as_array().expect("there are sources") {
                for (kind, resource) in [("configMap", "configmaps"), ("secret", "secrets")] {
                    let found = source.get(kind).map(|source| files_of(cluster, namespace, resource, source));
                    files.extend(found.unwrap_or_default());
                }
            }
            projected["defaultMode"].as_u64()
        }
        // An emptyDir or a disk: the group of the volumes may write.
        _ => {
            chown(place, None, Some(identity.files)).expect("these tests run as root");
            fs::set_permissions(place, fs::Permissions::from_mode(0o2770)).expect("it is ours");
            return;
        }
    };
    write_behind_link(place, &files, mode.expect("the API server gives a default") as u32, identity);
}

/// Files of a ConfigMap or Secret: all keys, or those that `items` names. An object that is optional may be missing.
fn files_of(cluster: &Cluster, namespace: &str, resource: &str, source: &Value) -> BTreeMap<String, Vec<u8>> {
    let name = source["name"].as_str().expect("it has a name");
    let object = match cluster.get(&format!("/api/v1/namespaces/{namespace}/{resource}/{name}")) {
        Ok(object) => object,
        Err(_) if source["optional"] == true => return BTreeMap::new(),
        Err(error) => panic!("the pod would wait for ever: {error}"),
    };
    let content = |key: &str| {
        let text = object["data"][key].as_str().unwrap_or_else(|| panic!("{resource} {name} has no key {key}"));
        if resource == "secrets" {
            STANDARD.decode(text).expect("the API server encodes")
        } else {
            text.as_bytes().to_vec()
        }
    };
    match source["items"].as_array() {
        Some(items) => items
            .iter()
            .map(|item| {
                (item["path"].as_str().expect("a path").to_owned(), content(item["key"].as_str().expect("a key")))
            })
            .collect(),
        None => object["data"].as_object().into_iter().flatten().map(|(key, _)| (key.clone(), content(key))).collect(),
    }
}

/// A folder per generation, `..data` pointing to it, and a link for every file: so all files change at the same moment.
fn write_behind_link(place: &Path, files: &BTreeMap<String, Vec<u8>>, mode: u32, identity: Identity) {
    let generation = format!("..generation-{:x}", fastrand::u64(..));
    let folder = place.join(&generation);
    fs::create_dir(&folder).expect("writable");
    for (name, content) in files {
        let file = folder.join(name);
        fs::write(&file, content).expect("writable");
        chown(&file, None, Some(identity.files)).expect("these tests run as root");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
    }
    symlink(&generation, place.join("..new")).expect("writable");
    fs::rename(place.join("..new"), place.join("..data")).expect("a rename replaces");
    for name in files.keys().filter(|name| !place.join(name).exists()) {
        symlink(Path::new("..data").join(name), place.join(name)).expect("writable");
    }
}

/// The variables of the container.
fn environment(cluster: &Cluster, pod: &Value) -> BTreeMap<String, String> {
    let container = &pod["spec"]["containers"][0];
    let namespace = pod["metadata"]["namespace"].as_str().expect("a pod has a namespace");
    let mut environment = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let files = files_of(cluster, namespace, "configmaps", &source["configMapRef"]);
        environment.extend(files.into_iter().map(|(key, value)| (key, String::from_utf8(value).expect("a text"))));
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let from = &variable["valueFrom"];
        let value = match (from["fieldRef"]["fieldPath"].as_str(), from.get("configMapKeyRef")) {
            // Nobody schedules here.
            (Some("spec.nodeName"), _) => "node-1".to_owned(),
            (Some(path), _) => {
                let pointer = format!("/{}", path.replace('.', "/"));
                pod.pointer(&pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("a pod has {path}")).to_owned()
            }
            (None, Some(reference)) => {
                let key = reference["key"].as_str().expect("a key");
                let source = json!({"name": reference["name"], "items": [{"key": key, "path": key}]});
                let mut files = files_of(cluster, namespace, "configmaps", &source);
                String::from_utf8(files.remove(key).expect("it was found")).expect("a text")
            }
            (None, None) => variable["value"].as_str().unwrap_or_default().to_owned(),
        };
        environment.insert(variable["name"].as_str().expect("it has a name").to_owned(), value);
    }
    environment
}
