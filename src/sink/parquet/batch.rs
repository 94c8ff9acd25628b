//! Rows on their way into a row group: one buffer a leaf of the schema.

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};

use super::super::columns::{Cells, Column, Kind, Time};
use super::PartFile;

/// The schema in Parquet's own language. A time is two leaves.
pub fn schema(columns: &[Column]) -> String {
    let mut schema = String::from("message flowsift {\n");
    for Column { name, kind } in columns {
        schema += &match kind {
            Kind::Text => format!("optional binary {name} (STRING);\n"),
            Kind::Number => format!("optional int64 {name};\n"),
            Kind::Truth => format!("optional boolean {name};\n"),
            Kind::Time => {
                format!("optional int64 {name} (TIMESTAMP(MICROS,true));\noptional int64 {name}_ns;\n")
            }
            Kind::Date => format!("optional int64 {name} (TIMESTAMP(MICROS,true));\n"),
            Kind::Seconds => format!("optional double {name};\n"),
            Kind::List => {
                format!(
                    "required group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }}\n"
                )
            }
        };
    }
    schema + "}"
}

/// Rows that are not written yet.
pub struct Batch {
    leaves: Vec<Leaf>,
    /// The leaf whose turn it is.
    next: usize,
    rows: usize,
    /// About how much memory they take.
    bytes: usize,
}

/// The values of a leaf. Levels are Parquet's way to say where a value is missing (definition 0), and where a list goes on
/// (repetition 1).
struct Leaf {
    values: Values,
    definition: Vec<i16>,
    repetition: Option<Vec<i16>>,
}

enum Values {
    Numbers(Vec<i64>),
    Doubles(Vec<f64>),
    Truths(Vec<bool>),
    /// All texts one behind the other, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
}

impl Batch {
    pub fn new(columns: &[Column]) -> Batch {
        let numbers = || Leaf::new(Values::Numbers(Vec::new()));
        let leaves = columns.iter().flat_map(|column| match column.kind {
            Kind::Time => [Some(numbers()), Some(numbers())],
            Kind::Number | Kind::Date => [Some(numbers()), None],
            Kind::Text => [Some(Leaf::new(Values::Texts(Vec::new(), Vec::new()))), None],
            Kind::Truth => [Some(Leaf::new(Values::Truths(Vec::new()))), None],
            Kind::Seconds => [Some(Leaf::new(Values::Doubles(Vec::new()))), None],
            Kind::List => {
                let texts = Leaf::new(Values::Texts(Vec::new(), Vec::new()));
                let repetition = Some(Vec::new());
                [Some(Leaf { repetition, ..texts }), None]
            }
        });
        Batch {
            leaves: leaves.flatten().collect(),
            next: 0,
            rows: 0,
            bytes: 0,
        }
    }

    pub fn add(&mut self, row: impl FnOnce(&mut Batch)) {
        self.next = 0;
        self.rows += 1;
        row(self);
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes the rows as a row group, and is empty again.
    pub fn write(&mut self, mut group: SerializedRowGroupWriter<'_, PartFile>) -> Result<()> {
        (self.rows, self.bytes) = (0, 0);
        for leaf in &mut self.leaves {
            if let Some(column) = group.next_column()? {
                leaf.write(column)?;
            }
        }
        group.close()?;
        Ok(())
    }

    /// The leaf whose turn it is gets a level, and perhaps a value.
    fn put<T>(&mut self, value: Option<T>, push: impl FnOnce(&mut Values, T) -> usize) {
        let Some(leaf) = self.leaves.get_mut(self.next) else {
            return;
        };
        self.next += 1;
        leaf.definition.push(i16::from(value.is_some()));
        self.bytes += size_of::<i16>();
        if let Some(value) = value {
            self.bytes += push(&mut leaf.values, value);
        }
    }

    fn put_number(&mut self, value: Option<i64>) {
        self.put(value, |values, value| {
            if let Values::Numbers(numbers) = values {
                numbers.push(value);
            }
            size_of::<i64>()
        });
    }
}

impl Leaf {
    fn new(values: Values) -> Leaf {
        Leaf {
            values,
            definition: Vec::new(),
            repetition: None,
        }
    }

    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<()> {
        let (definition, repetition) = (Some(self.definition.as_slice()), self.repetition.as_deref());
        match &mut self.values {
            Values::Numbers(values) => {
                column
                    .typed::<Int64Type>()
                    .write_batch(values, definition, repetition)?;
                values.clear();
            }
            Values::Doubles(values) => {
                column
                    .typed::<DoubleType>()
                    .write_batch(values, definition, repetition)?;
                values.clear();
            }
            Values::Truths(values) => {
                column.typed::<BoolType>().write_batch(values, definition, repetition)?;
                values.clear();
            }
            Values::Texts(text, ends) => {
                let text = ByteArray::from(std::mem::take(text));
                let mut begin = 0;
                let cut = ends.drain(..).map(|end| {
                    let piece = text.slice(begin, end - begin);
                    begin = end;
                    piece
                });
                let values: Vec<ByteArray> = cut.collect();
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&values, definition, repetition)?;
            }
        }
        self.definition.clear();
        if let Some(levels) = &mut self.repetition {
            levels.clear();
        }
        column.close()
    }
}

fn push_text(values: &mut Values, value: &str) -> usize {
    if let Values::Texts(text, ends) = values {
        text.extend_from_slice(value.as_bytes());
        ends.push(text.len());
    }
    value.len() + size_of::<ByteArray>()
}

impl Cells for Batch {
    fn text(&mut self, value: Option<&str>) {
        self.put(value, push_text);
    }

    fn number(&mut self, value: Option<u64>) {
        self.put_number(value.map(|number| i64::try_from(number).unwrap_or(i64::MAX)));
    }

    fn truth(&mut self, value: Option<bool>) {
        self.put(value, |values, value| {
            if let Values::Truths(truths) = values {
                truths.push(value);
            }
            1
        });
    }

    fn time(&mut self, value: Option<Time>) {
        self.put_number(value.and_then(|time| i64::try_from(time.ns / 1000).ok()));
        // Beyond the year 2262 the nanoseconds are missing, the microseconds are not.
        self.put_number(value.and_then(|time| i64::try_from(time.ns).ok()));
    }

    /// RFC 5280 ends with the year 9999, and so do most readers.
    fn date(&mut self, seconds: Option<i64>) {
        const YEAR_1: i64 = -62_135_596_800;
        const YEAR_9999_END: i64 = 253_402_300_799;
        self.put_number(seconds.map(|seconds| seconds.clamp(YEAR_1, YEAR_9999_END) * 1_000_000));
    }

    fn seconds(&mut self, thousandths: Option<u64>) {
        self.put(thousandths, |values, thousandths| {
            if let Values::Doubles(doubles) = values {
                doubles.push(thousandths as f64 / 1000.0);
            }
            size_of::<f64>()
        });
    }

    fn list(&mut self, items: impl IntoIterator<Item = impl AsRef<str>>) {
        let Some(leaf) = self.leaves.get_mut(self.next) else {
            return;
        };
        self.next += 1;
        let repetition = leaf.repetition.get_or_insert_default();
        let begin = repetition.len();
        for item in items {
            let goes_on = repetition.len() > begin;
            repetition.push(i16::from(goes_on));
            leaf.definition.push(1);
            self.bytes += push_text(&mut leaf.values, item.as_ref());
        }
        if repetition.len() == begin {
            repetition.push(0);
            leaf.definition.push(0);
        }
        self.bytes += 2 * size_of::<i16>();
    }
}
