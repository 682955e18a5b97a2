// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables (FieldTable.h) of the JSON files of a Hugging Face directory, one a file; what each family has of its own
// in config.json stands in its record. What they say was read off the makers' libraries: transformers 5.24 and
// sentence-transformers 6.2, and what their older versions wrote.
// Tested by test/unit/frontends/FieldTablesTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_TABLES_H
#define LMOPT_FRONTENDS_HUGGINGFACE_TABLES_H

#include "frontends/FieldTable.h"

namespace lmopt {

/// ConfigFields.cpp: what config.json may hold whatever the family.
const FieldTable &commonConfigFields();
/// GenerationFields.cpp: generation_config.json.
const FieldTable &generationFields();

/// SentenceFields.cpp: an entry of modules.json, the settings of its modules, the arguments handed on to transformers,
/// and config_sentence_transformers.json.
const FieldTable &moduleFields();
const FieldTable &transformerFields();
const FieldTable &modelArgumentFields();
const FieldTable &tokenizerArgumentFields();
const FieldTable &configArgumentFields();
const FieldTable &poolingFields();
const FieldTable &denseFields();
const FieldTable &normalizeFields();
const FieldTable &sentenceModelFields();
/// The same files of a cross-encoder.
const FieldTable &crossEncoderTransformerFields();
const FieldTable &crossEncoderFields();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_TABLES_H
