// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan dialect itself: its words (domains, shares, memories), its type of rows, and what a packed weight must be
// able to say of itself. The ops are Plan.td. Tested by test/dialects/plan.

#ifndef LMOPT_DIALECTS_PLAN_PLANDIALECT_TD
#define LMOPT_DIALECTS_PLAN_PLANDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::lmopt::plan";
  let summary = "in which steps a model is computed, by whom, and where what lies between them is kept";
  let description = [{
    A program is a list of steps over rows. What a step computes is said by the `lm` ops inside it, so this dialect never
    grows: a step wraps one op that is a kernel of its own, or a run of row-wise ops that one kernel does together. What
    a target must know of an op is asked of the op (dialects/lm/interfaces/Step.td, codegen/cpu/Interfaces.td).

    A program is made in stages, each a pass: `plan-form-steps` (steps and domains, for any target),
    `cpu-choose-layouts` (packed weights), `cpu-schedule` (shares, memory, chains and waits, for many rows at once and
    for few).

    Words: a *row* is the numbers of one token, of one token whose result is wanted, or of one sequence (its *domain*).
    A *team* is the threads that run a program together, each its share of every step. A *wait* is where all of them
    wait for one another. A *chain* is a run of steps in which each thread works on its own rows alone.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();
  }];
}

class Plan_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::lmopt::plan";
  let genSpecializedAttr = 0;
}

def Plan_Domain : Plan_Enum<"Domain", "what one row stands for", [
    I32EnumAttrCase<"tokens", 0>, I32EnumAttrCase<"outputs", 1>, I32EnumAttrCase<"segments", 2>]>;
def Plan_DomainAttr : EnumAttr<Plan_Dialect, Plan_Domain, "domain">;

def Plan_Motion : Plan_Enum<"StepKind", "what a step wraps", [
    I32EnumAttrCase<"rows", 0>,    // a run of row-wise ops
    I32EnumAttrCase<"kernel", 1>]>; // one op
def Plan_MotionAttr : EnumAttr<Plan_Dialect, Plan_Motion, "step_kind">;

def Plan_Share : Plan_Enum<"Share", "how the work of a step is dealt out to the threads of a team", [
    I32EnumAttrCase<"rows", 0>,   // each thread has its own rows, the same ones in every such step of a domain
    I32EnumAttrCase<"panels", 1>, // each thread has its own outputs (columns) of all rows
    I32EnumAttrCase<"turns", 2>,  // work items dealt out in turns: (head, block of rows)
    I32EnumAttrCase<"heads", 3>,  // (row, head of keys and values) dealt out in turns, the same in all such steps
    I32EnumAttrCase<"all", 4>]>;  // every thread does all rows, into memory of its own
def Plan_ShareAttr : EnumAttr<Plan_Dialect, Plan_Share, "share">;

def Plan_Memory : Plan_Enum<"Memory", "where rows are kept", [
    I32EnumAttrCase<"arena", 0>,   // memory of the team
    I32EnumAttrCase<"thread", 1>,  // memory of each thread
    I32EnumAttrCase<"block", 2>,   // memory of each thread, for the rows of the current block of a chain
    I32EnumAttrCase<"result", 3>]>; // the caller's memory, rows packed without padding

class Plan_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<Plan_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Plan_PlaceAttr : Plan_Attr<"Place", "place"> {
  let summary = "where the rows of a value are kept";
  let description = [{
    `#plan.place<arena at 4096, 512 x 2304>`: 512 rows of 2304 bytes each, from byte 4096 of the arena on.
  }];
  let parameters = (ins EnumParameter<Plan_Memory>:$memory, "int64_t":$offset, "int64_t":$rows, "int64_t":$rowBytes);
  let assemblyFormat = "`<` $memory `at` $offset `,` $rows `x` $rowBytes `>`";
  let extraClassDeclaration = [{
    int64_t getBytes() const { return getRows() * getRowBytes(); }
    bool isResult() const { return getMemory() == Memory::result; }
    /// Whether each thread has its own.
    bool isPrivate() const { return getMemory() == Memory::thread || getMemory() == Memory::block; }
  }];
}

def Plan_RowsType : TypeDef<Plan_Dialect, "Rows"> {
  let mnemonic = "rows";
  let summary = "rows of numbers between two steps";
  let description = [{
    `!plan.rows<tokens, 576 x f32>`: one row of 576 numbers for each token of the step. Codes: `576 x ui8` (each row
    with its scale and zero point), `576 x si8, group = 32` (each group with its scale).
  }];
  let parameters = (ins EnumParameter<Plan_Domain>:$domain, "int64_t":$width, "::mlir::Type":$element,
                        DefaultValuedParameter<"int64_t", "0">:$group);
  let assemblyFormat = "`<` $domain `,` $width `x` $element (`,` `group` `=` $group^)? `>`";
}

def Plan_WeightLayoutAttr : AttrInterface<"WeightLayoutAttr"> {
  let cppNamespace = "::lmopt::plan";
  let description = [{
    How a weight lies in an artifact: its size, its bytes, and what is said of it. One attribute a layout, in the folder
    of the family whose kernels read it; who lists, packs or compares weights asks here and knows none of them.
  }];
  let methods = [
    InterfaceMethod<"Bytes of the packed weight.", "int64_t", "getBytes">,
    InterfaceMethod<"What `lmopt inspect` says of it.", "std::string", "describe">,
    InterfaceMethod<"`params` in the order of the weight's; `out` holds getBytes() zeros.", "void", "pack",
        (ins "::llvm::ArrayRef<::lmopt::lm::WeightData>":$params, "::std::vector<char> &":$out)>
  ];
}

#endif // LMOPT_DIALECTS_PLAN_PLANDIALECT_TD
