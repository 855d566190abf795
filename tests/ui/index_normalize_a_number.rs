use fieldseal::index::Normalizer;
use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, normalize = Normalizer::EMAIL, cardinality = 1_000_000))]
    value: i64,
}

fn main() {}
