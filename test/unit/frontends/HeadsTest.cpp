// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The heads of encoders: which class has which, what config.json says of their classes and scores, what is refused.
#include "frontends/heads/Head.h"
#include "test/unit/frontends/Families.h"

#include <set>

using namespace lmopt;
using nlohmann::json;

static Result<EncoderConfig> parse(const char *architecture, const char *patch = "{}", const char *family = "bert") {
  json config = test::exampleConfig(test::family(family));
  config["architectures"] = {architecture};
  config.merge_patch(json::parse(patch));
  return test::readAs<EncoderConfig>(family, config);
}

static std::string errorOf(const char *architecture, const char *patch) {
  Result<EncoderConfig> config = parse(architecture, patch);
  return config ? "accepted" : config.error().message;
}

static constexpr char kSequence[] = "BertForSequenceClassification", kQuestion[] = "BertForQuestionAnswering";

static HeadConfig sequence(const char *patch) {
  Result<EncoderConfig> config = parse(kSequence, patch);
  EXPECT_TRUE(config) << config.error().message;
  return config ? *config->head : HeadConfig();
}

static std::string score(const char *patch) { return sequence(patch).scoreActivation; }

TEST(Heads, EveryFamilyNamesHeadsThatThereAre) {
  std::set<std::string> tasks;
  for (const Head &head : allHeads())
    EXPECT_TRUE(tasks.insert(head.task).second) << head.task;
  for (const Family &family : allFamilies())
    if (family.huggingFace)
      for (const HeadForm &form : family.huggingFace->heads)
        EXPECT_TRUE(tasks.count(form.task)) << form.architecture;
}

TEST(Heads, AreThoseOfTheClass) {
  EXPECT_FALSE(parse("BertModel")->head);
  EXPECT_FALSE(parse("BertForPreTraining")->head);
  EXPECT_EQ(parse("BertForMaskedLM")->head->task, "masked_lm");
  EXPECT_EQ(parse(kSequence)->head->activation, Activation::Tanh);
  EXPECT_EQ(parse("DistilBertForSequenceClassification", "{}", "distilbert")->head->activation, Activation::Relu);
  EXPECT_EQ(parse("BertForMaskedLM", R"({"hidden_act": "relu"})")->head->activation, Activation::Relu);
  json config = test::exampleConfig(test::family("bert"));
  config["architectures"] = {kSequence};
  EXPECT_FALSE(test::as<EncoderConfig>(readConfig(test::family("bert"), config, "c.json", /*withHead=*/false))->head);
}

TEST(Heads, TokenTypesAreAnInputOfPairs) {
  EXPECT_TRUE(sequence(R"({"type_vocab_size": 2})").takesTypes);
  EXPECT_FALSE(sequence(R"({"type_vocab_size": 1})").takesTypes);
  EXPECT_TRUE(parse(kQuestion)->head->takesTypes);
  EXPECT_FALSE(parse("BertForTokenClassification")->head->takesTypes);
}

TEST(Heads, Labels) {
  using Labels = std::vector<std::string>;
  EXPECT_EQ(sequence("{}").labels, (Labels{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(sequence(R"({"num_labels": 3})").labels, (Labels{"LABEL_0", "LABEL_1", "LABEL_2"}));
  EXPECT_EQ(sequence(R"({"id2label": {"1": "b", "0": "a", "2": 7}})").labels, (Labels{"a", "b", "7"}));
  EXPECT_EQ(sequence(R"({"id2label": {"10": "k", "0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g",
    "7": "h", "8": "i", "9": "j"}})")
                .labels.back(),
            "k");
  for (const char *wrong : {R"({"id2label": {}})", R"({"id2label": []})", R"({"id2label": {"0": "a", "2": "b"}})",
                            R"({"id2label": {"0": "a", "00": "b"}})", R"({"id2label": {"0": ["a"]}})",
                            R"({"id2label": {"-1": "a"}})", R"({"id2label": {"0": null}})"})
    EXPECT_NE(errorOf(kSequence, wrong).find("field 'id2label': expected an object with one text for each class"),
              std::string::npos)
        << wrong;
  EXPECT_EQ(errorOf(kSequence, R"({"id2label": {"0": "a"}, "num_labels": 2})"),
            "c.json: field 'num_labels': is 2, but id2label has 1");
}

TEST(Heads, Scores) {
  EXPECT_EQ(score("{}"), "softmax");
  EXPECT_EQ(score(R"({"num_labels": 1})"), "sigmoid");
  EXPECT_EQ(score(R"({"problem_type": "regression"})"), "none");
  EXPECT_EQ(score(R"({"problem_type": "multi_label_classification"})"), "sigmoid");
  EXPECT_NE(errorOf(kSequence, R"({"problem_type": "other"})").find("field 'problem_type': expected regression"),
            std::string::npos);
}

TEST(Heads, ScoresOfCrossEncoders) {
  EXPECT_EQ(score(R"({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"})"), "none");
  EXPECT_EQ(score(R"({"sentence_transformers": {"version": "4.0.1"}})"), "none");
  EXPECT_EQ(score(R"({"num_labels": 1, "sentence_transformers": {"version": "4.0.1"}})"), "sigmoid");
  EXPECT_EQ(score(R"({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Softmax"}})"), "softmax");
  const char *own = R"({"sentence_transformers": {"activation_fn": "mine.Sigmoid"}})";
  EXPECT_EQ(errorOf(kSequence, own), "c.json: field 'sentence_transformers.activation_fn': 'mine.Sigmoid' is not "
                                     "supported; supported are torch's Identity, Sigmoid and Softmax");
  EXPECT_EQ(parse(kSequence, own).error().code, 4);
  EXPECT_EQ(parse(kSequence, R"({"sentence_transformers": {"other": 1}})").error().code, 4);
}

TEST(Heads, QuestionAnsweringHasTwoNumbers) {
  EXPECT_TRUE(parse(kQuestion)->head->labels.empty()); // they have no names
  EXPECT_NE(errorOf(kQuestion, R"({"num_labels": 3})").find("two numbers a token, found 3 classes"), std::string::npos);
}
