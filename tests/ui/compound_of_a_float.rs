use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, index(compound(value, name), id = "both", cardinality = 1_000_000))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    value: f64,
    #[record(seal)]
    name: String,
}

fn main() {}
