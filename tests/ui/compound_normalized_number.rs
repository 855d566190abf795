use fieldseal::index::Normalizer;
use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, index(compound(value = Normalizer::EMAIL, name), id = "both", cardinality = 1_000_000))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    value: i64,
    #[record(seal)]
    name: String,
}

fn main() {}
