//! Headers of a record, each read on its own: one whose name is not UTF-8 does not take the others along.

use rdkafka::message::Headers;

use super::binding;

/// Stands for a header whose name is not UTF-8; its value cannot be had.
const UNREADABLE: &str = "(a header whose name is not UTF-8)";

/// Name and value of each header.
pub(super) fn readable<H: Headers>(headers: Option<&H>) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    headers.into_iter().flat_map(|headers| (0..headers.count()).map(|at| read(headers, at)))
}

fn read<H: Headers>(headers: &H, at: usize) -> (&str, Option<&[u8]>) {
    binding::readable(|| headers.get(at)).map_or((UNREADABLE, None), |header| (header.key, header.value))
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Header;

    use super::*;

    struct SecondIsNotUtf8;

    impl Headers for SecondIsNotUtf8 {
        fn count(&self) -> usize {
            3
        }

        fn try_get(&self, idx: usize) -> Option<Header<'_, &[u8]>> {
            assert!(idx != 1, "as the binding does for a name that is not UTF-8");
            (idx < 3).then_some(Header { key: "name", value: Some(b"value") })
        }
    }

    #[test]
    fn a_header_whose_name_cannot_be_read_does_not_take_the_others_along() {
        let fine = ("name", Some(&b"value"[..]));
        assert_eq!(readable(Some(&SecondIsNotUtf8)).collect::<Vec<_>>(), [fine, (UNREADABLE, None), fine]);
        assert_eq!(readable::<SecondIsNotUtf8>(None).count(), 0);
    }
}
