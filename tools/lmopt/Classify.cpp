// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt classify`: what a model with a head says of texts.
//
// In: --text (repeatable) and --file (one text a line), as `lmopt embed` takes them; with --pair each is two texts with
// a tab between. Out, for each text in turn: its classes, best first; its spans with their classes and bytes; the best
// tokens for each gap; or the answer to the first text in the second. As lines of columns, or with --json as one JSON
// object a line. A text that is longer than the model takes loses its end. Tested by test/tools/lmopt/classify.py.
#include "tools/lmopt/Answers.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Model.h"
#include "tools/lmopt/TextInput.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace lmopt::driver {

using Json = nlohmann::ordered_json;

struct ClassifyOptions {
  std::string model, file;
  std::vector<std::string> texts;
  bool pair = false, json = false;
  int top = 5;
  Place place;
};

// One call encodes so many texts, or as many as have so many numbers in their results (64 MB).
static constexpr size_t kBatch = 64, kBatchNumbers = size_t(1) << 24;

static double rounded(double score) { return std::round(score * 1e6) / 1e6; }
static std::string shown(double score) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.4f", score);
  return digits;
}
/// A text in a line of columns.
static std::string inColumn(std::string text) {
  for (char &c : text)
    if (c == '\t' || c == '\n' || c == '\r')
      c = ' ';
  return text;
}

namespace {
/// One text, or two, and its tokens.
struct Item {
  std::vector<std::string> texts;
  std::vector<lmopt_token_t> tokens;
};

class Classifier {
public:
  Classifier(const Model &model, const lmopt_tokenizer_t *tokenizer, lmopt_session_t *session,
             const ClassifyOptions &options)
      : model(model), tokenizer(tokenizer), session(session), options(options) {}

  /// Reads what the model says of itself.
  Result<void> begin() {
    lmopt_error_t error{};
    head.struct_size = sizeof head;
    result.struct_size = sizeof result;
    if (lmopt_model_get_head(model.handle.get(), &head, &error) != LMOPT_OK ||
        lmopt_model_get_result(model.handle.get(), 0, &result, &error) != LMOPT_OK)
      return runtimeError(error);
    if (head.task == LMOPT_TASK_NONE)
      return Error{kErrorUsage, "`lmopt classify` needs a model with a head, but '" + model.path +
                                    "' gives vectors (use `lmopt embed`); compile it from a checkpoint for a task"};
    if (head.task == LMOPT_TASK_QUESTION_ANSWERING && !options.pair)
      return Error{kErrorUsage, "'" + model.path +
                                    "' answers questions: give --pair, and the question and the text "
                                    "with a tab between"};
    for (uint32_t i = 0; i < head.label_count; ++i)
      labels.push_back(lmopt_model_label(model.handle.get(), i));
    return findTypes();
  }

  Result<void> add(const std::string &text) {
    Item item;
    if (Result<void> split = splitText(text, item.texts); !split.ok())
      return split;
    if (Result<void> encoded = encode(item); !encoded.ok())
      return encoded;
    numbers += item.tokens.size() * static_cast<size_t>(result.width);
    items.push_back(std::move(item));
    return items.size() < kBatch && numbers < kBatchNumbers ? Result<void>() : flush();
  }

  Result<void> flush() {
    if (items.empty())
      return {};
    std::vector<float> rows;
    if (Result<void> computed = compute(rows); !computed.ok())
      return computed;
    const float *next = rows.data();
    for (const Item &item : items) {
      size_t count = result.rows == LMOPT_ROWS_TOKENS ? item.tokens.size() : 1;
      std::vector<float> own(next, next + count * width());
      next += own.size();
      Result<Json> answer = answerFor(item, own);
      if (!answer.ok())
        return answer.error();
      if (Result<void> written = writeOutput(options.json ? jsonLine(*answer) : lines(*answer)); !written.ok())
        return written;
    }
    items.clear();
    numbers = 0;
    return flushOutput();
  }

private:
  const Model &model;
  const lmopt_tokenizer_t *tokenizer;
  lmopt_session_t *session;
  const ClassifyOptions &options;
  lmopt_head_info_t head{};
  lmopt_result_info_t result{};
  std::vector<std::string> labels;
  std::optional<uint32_t> types; // number of the input "token_types"
  std::vector<Item> items;
  size_t numbers = 0; // floats in the results of the batch

  size_t width() const { return static_cast<size_t>(result.width); }

  Result<void> findTypes() {
    for (uint32_t i = 0; i < model.info.input_count; ++i) {
      lmopt_error_t error{};
      lmopt_input_info_t input{};
      input.struct_size = sizeof input;
      if (lmopt_model_get_input(model.handle.get(), i, &input, &error) != LMOPT_OK)
        return runtimeError(error);
      if (std::string_view(input.name) == "token_types")
        types = i;
    }
    return {};
  }

  Result<void> splitText(const std::string &text, std::vector<std::string> &texts) const {
    size_t tab = text.find('\t');
    if (!options.pair) {
      texts = {text};
      return {};
    }
    if (tab == std::string::npos || text.find('\t', tab + 1) != std::string::npos)
      return Error{kErrorUsage, "--pair: expected two texts with one tab between, found '" + text.substr(0, 60) + "'"};
    texts = {text.substr(0, tab), text.substr(tab + 1)};
    return {};
  }

  Result<void> encode(Item &item) const {
    std::vector<lmopt_text_t> views;
    size_t bytes = 16;
    for (const std::string &text : item.texts) {
      views.push_back({text.data(), text.size()});
      bytes += text.size();
    }
    lmopt_error_t error{};
    for (size_t count = bytes; item.tokens.size() < count;) {
      item.tokens.resize(count);
      if (lmopt_tokenizer_encode_texts(tokenizer, views.data(), views.size(), LMOPT_TOKENIZE_DEFAULT,
                                       item.tokens.data(), item.tokens.size(), &count, &error) != LMOPT_OK)
        return runtimeError(error);
      if (count <= item.tokens.size()) {
        item.tokens.resize(count);
        break;
      }
    }
    if (item.tokens.empty())
      return Error{kErrorUsage, "a text has no tokens: '" + item.texts[0].substr(0, 60) + "'"};
    return {};
  }

  /// The rows of the first result for all of the batch.
  Result<void> compute(std::vector<float> &rows) const {
    std::vector<int32_t> ids, kinds;
    std::vector<int64_t> lengths;
    for (const Item &item : items) {
      for (const lmopt_token_t &token : item.tokens) {
        ids.push_back(token.id);
        kinds.push_back(token.type);
      }
      lengths.push_back(static_cast<int64_t>(item.tokens.size()));
    }
    rows.resize((result.rows == LMOPT_ROWS_TOKENS ? ids.size() : items.size()) * width());
    std::vector<const int32_t *> inputs(model.info.input_count, nullptr);
    std::vector<float *> results(model.info.result_count, nullptr);
    results[0] = rows.data();
    if (types)
      inputs[*types] = kinds.data();
    lmopt_error_t error{};
    if (lmopt_session_encode_all(session, ids.data(), lengths.data(), static_cast<int64_t>(lengths.size()),
                                 inputs.data(), results.data(), &error) != LMOPT_OK)
      return runtimeError(error);
    return {};
  }

  Result<Json> answerFor(const Item &item, std::vector<float> &rows) const {
    if (head.task == LMOPT_TASK_QUESTION_ANSWERING)
      return Json{{"answer", answer(item, rows)}};
    if (head.task == LMOPT_TASK_MASKED_LM)
      return gaps(item, rows);
    for (size_t at = 0; at < rows.size(); at += width())
      lmopt_model_scores(model.handle.get(), &rows[at], &rows[at]);
    if (head.task == LMOPT_TASK_TOKEN_CLASSIFICATION)
      return spans(item, rows);
    Json list = Json::array();
    for (const Ranked &one : ranked(rows.data(), width(), static_cast<size_t>(options.top)))
      list.push_back({{"label", labels[one.column]}, {"score", rounded(one.score)}});
    return Json{{"labels", list}};
  }

  static Json placed(const std::vector<Labelled> &list, const std::string &text) {
    Json found = Json::array();
    for (const Labelled &one : list)
      found.push_back({{"begin", one.begin},
                       {"end", one.end},
                       {"label", one.label},
                       {"score", rounded(one.score)},
                       {"text", text.substr(one.begin, one.end - one.begin)}});
    return found;
  }

  Json spans(const Item &item, const std::vector<float> &scores) const {
    std::vector<Labelled> words = labelledWords(item.tokens, scores, labels);
    return {{"spans", placed(labelledSpans(words), item.texts[0])}, {"words", placed(words, item.texts[0])}};
  }

  Json answer(const Item &item, const std::vector<float> &logits) const {
    std::optional<Answer> best = bestAnswer(item.tokens, logits);
    if (!best)
      return nullptr;
    return {{"begin", best->begin},
            {"end", best->end},
            {"score", rounded(best->score)},
            {"text", item.texts[1].substr(best->begin, best->end - best->begin)}};
  }

  Result<Json> gaps(const Item &item, std::vector<float> &rows) const {
    int32_t mask = lmopt_tokenizer_role(tokenizer, LMOPT_TOKEN_MASK);
    Json found = Json::array();
    for (size_t i = 0; i < item.tokens.size(); ++i) {
      if (item.tokens[i].id != mask || item.tokens[i].text < 0)
        continue;
      float *row = &rows[i * width()];
      lmopt_model_scores(model.handle.get(), row, row);
      Json candidates = Json::array();
      for (const Ranked &one : ranked(row, width(), static_cast<size_t>(options.top)))
        candidates.push_back(
            {{"token", pieceOf(static_cast<int32_t>(one.column))}, {"id", one.column}, {"score", rounded(one.score)}});
      found.push_back({{"begin", item.tokens[i].begin}, {"end", item.tokens[i].end}, {"candidates", candidates}});
    }
    if (found.empty())
      return Error{kErrorUsage, "a text has no gap to fill" + (mask < 0 ? "" : ", '" + pieceOf(mask) + "'") + ": '" +
                                    item.texts[0].substr(0, 60) + "'"};
    return Json{{"gaps", found}};
  }

  std::string pieceOf(int32_t id) const {
    const char *bytes = nullptr;
    size_t size = 0;
    return lmopt_tokenizer_piece(tokenizer, id, &bytes, &size, nullptr) == LMOPT_OK ? std::string(bytes, size) : "";
  }

  static std::string jsonLine(const Json &answer) {
    return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  /// Name and score of each, in one line.
  static std::string row(const Json &list, const char *name) {
    std::string line;
    for (const Json &one : list)
      line += (line.empty() ? "" : "\t") + inColumn(one[name].get<std::string>()) + "\t" + shown(one["score"]);
    return line + "\n";
  }
  static std::string place(const Json &one) {
    return one["begin"].dump() + "\t" + one["end"].dump() + "\t" + shown(one["score"]) + "\t";
  }

  std::string lines(const Json &answer) const {
    std::string text;
    switch (head.task) {
    case LMOPT_TASK_SEQUENCE_CLASSIFICATION:
      return row(answer["labels"], "label");
    case LMOPT_TASK_TOKEN_CLASSIFICATION: // a blank line ends a text, which may have no span
      for (const Json &one : answer["spans"])
        text += place(one) + one["label"].get<std::string>() + "\t" + inColumn(one["text"].get<std::string>()) + "\n";
      return text + "\n";
    case LMOPT_TASK_MASKED_LM:
      for (const Json &one : answer["gaps"])
        text += row(one["candidates"], "token");
      return text + "\n";
    default:
      if (answer["answer"].is_null())
        return "\n";
      return place(answer["answer"]) + inColumn(answer["answer"]["text"].get<std::string>()) + "\n";
    }
  }
};
} // namespace

static Result<void> classify(const ClassifyOptions &options, const Context &context) {
  if (options.texts.empty() && options.file.empty())
    return Error{kErrorUsage, "nothing to classify: give --text or --file"};
  Result<Model> model = openModel(options.model, LMOPT_MODEL_ENCODER, "classify");
  if (!model.ok())
    return model.error();
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(*model);
  if (!tokenizer.ok())
    return tokenizer.error();
  Result<SessionPtr> session = createSession(*model, {options.place, 0, nullptr}, context);
  if (!session.ok())
    return session.error();
  Classifier classifier(*model, *tokenizer, session->get(), options);
  if (Result<void> begun = classifier.begin(); !begun.ok())
    return begun;
  Result<void> added =
      forEachText(options.texts, options.file, [&](const std::string &text) { return classifier.add(text); });
  return added.ok() ? classifier.flush() : added;
}

void addClassify(CommandLine &line) {
  auto options = std::make_shared<ClassifyOptions>();
  Command command = line.add("classify", "tell the classes of texts or of their words, fill gaps, answer questions",
                             options, classify);
  addModel(command, options->model);
  addTexts(command, options->texts, options->file);
  command.addFlag("--pair", options->pair, "each text is two with a tab between (question and text, ...)");
  command.add("--top", options->top, "most classes, or tokens for a gap, that are told; best first")
      .between(1, 1 << 20)
      .showDefault();
  command.addFlag("--json", options->json, "one JSON object a line");
  addPlace(command, options->place);
}

} // namespace lmopt::driver
