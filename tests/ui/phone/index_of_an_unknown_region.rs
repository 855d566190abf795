use fieldseal::index::Normalizer;
use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, normalize = Normalizer::phone("UK"), cardinality = 1_000_000))]
    value: String,
}

fn main() {}
