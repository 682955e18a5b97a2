// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops of the plan dialect: the whole of it, whatever ops a model has. Tested by test/dialects/plan.

#ifndef LMOPT_DIALECTS_PLAN_PLAN_TD
#define LMOPT_DIALECTS_PLAN_PLAN_TD

include "dialects/plan/PlanDialect.td"

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_Rows : Type<CPred<"::llvm::isa<::lmopt::plan::RowsType>($_self)">, "rows", "::lmopt::plan::RowsType">;

def Plan_WeightOp : Plan_Op<"weight", [Symbol, HasParent<"::mlir::ModuleOp">]> {
  let summary = "a weight as the artifact holds it";
  let description = [{
    `plan.weight @q.packed = [@q.weight, @q.bias] as #cpu.panels<...> at 1280`: the params it is made of (none: the layout
    alone says what it is), how they are packed, and where.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypedArrayAttrBase<FlatSymbolRefAttr, "names of params">:$params,
                       Plan_WeightLayoutAttr:$layout, I64Attr:$offset);
  let assemblyFormat = "$sym_name `=` $params `as` $layout `at` $offset attr-dict";
  let extraClassDeclaration = [{
    int64_t getBytes() { return getLayout().getBytes(); }
  }];
}

def Plan_StepOp : Plan_Op<"step", [SingleBlock, ParentOneOf<["ProgramOp", "ChainOp"]>,
                                   DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one call of a kernel on rows";
  let description = [{
    The body holds `lm` ops on tensors: each operand that is rows is an argument of the body as the tensor it stands for.
    Other operands (a cache) pass through with their own types. `weights` are the packed weights, in the order in which the
    kernel is given them. A step over `outputs` reads rows of `tokens` by the list of wanted tokens.

    `state_offset`: bytes, for each position (or sequence, where the op keeps as much for each), of the layers before this one
    in the state. `in_ring`: the layer's positions lie in a ring, see `plan.program`; the layers before it are those in rings.

    Constraints:
    - C1: the arguments of the body are the operands, rows as tensors of their width; what is yielded is the results.
    - C2: a kernel holds one op, rows hold row-wise ops only.
    - C3: rows of results have the domain of the step.
    - C4: `places` has one place for each result.
    - C5: operands are results of steps or of chains.
    - C6: `weights` names packed weights.
  }];
  let arguments = (ins Plan_MotionAttr:$kind, Plan_DomainAttr:$domain, Variadic<AnyType>:$inputs,
                       DefaultValuedAttr<TypedArrayAttrBase<FlatSymbolRefAttr, "packed weights">, "{}">:$weights,
                       OptionalAttr<Plan_ShareAttr>:$share,
                       OptionalAttr<TypedArrayAttrBase<Plan_PlaceAttr, "places of the results">>:$places,
                       OptionalAttr<I64Attr>:$state_offset, UnitAttr:$in_ring, OptionalAttr<StrAttr>:$kernel);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `` $kind `` $domain `(` $inputs `)` (`weights` $weights^)? (`share` `` $share^)? (`places` $places^)?
        (`state` $state_offset^)? (`ring` $in_ring^)? (`calls` $kernel^)? attr-dict-with-keyword `:` functional-type($inputs, $results) $body
  }];
  let hasRegionVerifier = 1;
  let builders = [
    // The body is left to the caller.
    OpBuilder<(ins "::mlir::TypeRange":$results, "::lmopt::plan::StepKind":$kind, "::lmopt::plan::Domain":$domain,
                   "::mlir::ValueRange":$inputs)>
  ];
  let extraClassDeclaration = [{
    bool isKernel() { return getKind() == StepKind::kernel; }
    /// The op of a kernel.
    ::mlir::Operation *getKernelOp() { return &getBody().front().front(); }
    /// What the model calls it, e.g. layers.0.attn.q.
    ::llvm::StringRef getPart();
    /// Operands and results that are rows.
    ::llvm::SmallVector<::mlir::Value> getRowInputs();
    ::llvm::SmallVector<::mlir::Value> getRowResults();
    /// Place of a result; the program must be scheduled.
    PlaceAttr getPlace(::mlir::OpResult result);
  }];
}

def Plan_ChainOp : Plan_Op<"chain", [SingleBlock, HasParent<"ProgramOp">]> {
  let summary = "steps that each thread does on its own rows, block by block";
  let description = [{
    All its steps are done on one block of at most `block` rows before the next, so that what lies between them stays in
    the cache. Results are those that steps behind it read.
  }];
  let arguments = (ins I64Attr:$block);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let builders = [
    // The body is left to the caller.
    OpBuilder<(ins "::mlir::TypeRange":$results, "int64_t":$block)>
  ];
  let skipDefaultBuilders = 1;
  let assemblyFormat = "`block` `=` $block attr-dict-with-keyword (`->` type($results)^)? $body";
  let hasRegionVerifier = 1;
}

def Plan_WaitOp : Plan_Op<"wait", [HasParent<"ProgramOp">]> {
  let summary = "every thread of the team waits here for all others";
  let assemblyFormat = "attr-dict";
}

def Plan_YieldOp : Plan_Op<"yield", [Terminator, Pure, ParentOneOf<["StepOp", "ChainOp"]>]> {
  let summary = "the results of a step or of a chain";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Plan_ReturnOp : Plan_Op<"return", [Terminator, HasParent<"ProgramOp">]> {
  let summary = "what the program gives its caller, by name";
  let description = [{
    Constraints:
    - C1: each result has a name of its own, and is a value of its own.
  }];
  let arguments = (ins Variadic<Plan_Rows>:$values, StrArrayAttr:$names);
  let assemblyFormat = "$values `as` $names `:` type($values) attr-dict";
  let hasVerifier = 1;
}

def Plan_ProgramOp : Plan_Op<"program", [Symbol, SingleBlock, NoTerminator, HasParent<"::mlir::ModuleOp">]> {
  let summary = "one entry of an artifact: a list of steps";
  let description = [{
    The arguments of the body are those of the function it was made from: token ids, lengths or cache, and further inputs,
    a number for each token, whose names are `input_names`.
    `max_positions`, `rope_switch` (longer sequences are turned by a second table; 0: there is none),
    `position_bytes` (state kept for each position) and `sequence_bytes` (for each sequence, whatever its length) are those of
    the model. Layers that look back over a window keep the latest `ring_positions` only, position p where p modulo their number
    is: `ring_bytes` for each, beside `position_bytes`, of which they have no part. `ring_back`: how far behind the furthest
    position that was written a sequence may be cut back to go on from there. The rest is the schedule's.

    Constraints:
    - C1: the body ends with `plan.return`, and every argument beyond the second has a name.
    - C2: every step of a scheduled program (it has `max_rows`) has a share, and a place for each result of rows.
    - C3: rows lie inside the memory they are placed in.
    - C4: no two threads clash: between two waits, what one thread of a team writes no other touches.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$max_positions,
                       DefaultValuedAttr<StrArrayAttr, "{}">:$input_names,
                       DefaultValuedAttr<I64Attr, "0">:$rope_switch, DefaultValuedAttr<I64Attr, "0">:$position_bytes,
                       DefaultValuedAttr<I64Attr, "0">:$sequence_bytes,
                       DefaultValuedAttr<I64Attr, "0">:$ring_positions, DefaultValuedAttr<I64Attr, "0">:$ring_bytes,
                       DefaultValuedAttr<I64Attr, "0">:$ring_back,
                       UnitAttr:$few, OptionalAttr<I64Attr>:$max_rows, OptionalAttr<I64Attr>:$arena_bytes,
                       OptionalAttr<I64Attr>:$thread_bytes, OptionalAttr<I64Attr>:$row_info_offset,
                       OptionalAttr<I64Attr>:$scratch_offset);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let builders = [
    // The body is left to the caller.
    OpBuilder<(ins "::mlir::StringAttr":$name, "int64_t":$maxPositions)>
  ];
  let extraClassDeclaration = [{
    bool isDecoder();
    /// A further input.
    ::mlir::BlockArgument getInput(unsigned number) { return getBody().getArgument(2 + number); }
    bool isScheduled() { return getMaxRows().has_value(); }
    ReturnOp getReturn();
  }];
}

#endif // LMOPT_DIALECTS_PLAN_PLAN_TD
