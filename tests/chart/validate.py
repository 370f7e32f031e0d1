"""Validates rendered manifests strictly against the schemas of ten versions of Kubernetes. usage: validate.py FILE..."""

import sys

import kubernetes_validate
import yaml

VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
# Kinds that are not Kubernetes' own, by the end of their group.
FOREIGN = ("monitoring.coreos.com", "keda.sh", "cilium.io", "grafana.integreatly.org", "autoscaling.k8s.io", "external-secrets.io",
           "secrets-store.csi.x-k8s.io")


def main(files):
    checked = 0
    errors = []
    seen = set()
    for file in files:
        with open(file, encoding="utf-8") as text:
            objects = [document for document in yaml.safe_load_all(text) if document]
        for item in objects:
            if item["apiVersion"].split("/")[0] in FOREIGN:
                continue
            # Examples have most objects in common.
            content = repr(item)
            if content in seen:
                continue
            seen.add(content)
            for version in VERSIONS:
                checked += 1
                try:
                    kubernetes_validate.validate(item, version, strict=True)
                except Exception as error:  # every refusal, of whatever class, is one line of the report
                    name = item["metadata"]["name"]
                    errors.append(f"{file}: {item['kind']} {name} in {version}: {error}")
    print(f"{checked} validations, {len(errors)} errors")
    print("\n".join(errors[:20]))
    return 1 if errors or not checked else 0


sys.exit(main(sys.argv[1:]))
