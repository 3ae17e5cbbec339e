"""The languages that are parsed, and what is asked of their syntax trees.

Node names are those of the grammars in tree-sitter-language-pack 0.13. A query's captures are

    comment     a comment, a docstring (any string that is a statement), a shebang of JavaScript
    string      a string or character literal; of nested ones (`${"a"}`) the outermost counts
    function    a definition with a body that has a name; simple: such a one whose body begins with a `return`
    main        the name of a function that has a plain one
    variable    a place where a variable gets a name or a value
"""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grammar:
    """How one language is parsed and measured.

    Attributes:
        name: in the language pack.
        query: what is captured; errors are found besides.
        words: what is looked for in code outside comments and strings, by the measure it counts for; "=x" is x as a whole word.
    """

    name: str
    query: str
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)


_C = """
(comment) @comment
[(string_literal) (char_literal) %s] @string
(function_definition) @function
(function_definition declarator: (function_declarator declarator: (identifier) @main))
"""
_JAVASCRIPT = """
[(comment) (hash_bang_line)] @comment
[(string) (template_string)] @string
[(function_declaration) (generator_function_declaration) (method_definition)] @function
(variable_declarator value: [(arrow_function) (function_expression) (generator_function)] @function)
[(variable_declarator) (assignment_expression) (augmented_assignment_expression) (field_definition)] @variable
"""
_TYPESCRIPT = "(comment) @comment [(string) (template_string)] @string"

# By canonical name, see code_columns.canonical_language.
GRAMMARS = {
    "python": Grammar(
        "python",
        """
        (comment) @comment
        (module [(string) (concatenated_string)] @comment)
        (block [(string) (concatenated_string)] @comment)
        (string) @string
        (function_definition) @function
        (function_definition body: (block . (return_statement))) @simple
        [(assignment) (augmented_assignment) (named_expression) (for_statement)] @variable
        """,
        {"print": ("=print",), "pass": ("=pass",), "import": ("=import",)},
    ),
    "c": Grammar("c", _C % "", {"print": ("printf",)}),
    "c++": Grammar("cpp", _C % "(raw_string_literal)", {"print": ("cout", "printf")}),
    "java": Grammar(
        "java",
        """
        [(line_comment) (block_comment)] @comment
        [(string_literal) (character_literal)] @string
        [(method_declaration) (constructor_declaration) (compact_constructor_declaration)] @function
        [(variable_declarator) (enhanced_for_statement) (assignment_expression)] @variable
        """,
        {"print": ("System.out.print",)},
    ),
    "javascript": Grammar("javascript", _JAVASCRIPT, {"print": ("console.log",)}),
    "go": Grammar(
        "go",
        """
        (comment) @comment
        [(interpreted_string_literal) (raw_string_literal) (rune_literal)] @string
        [(function_declaration) (method_declaration)] @function
        [(var_spec) (const_spec) (short_var_declaration) (assignment_statement) (range_clause)] @variable
        """,
        {"print": ("fmt.Print",)},
    ),
    "c#": Grammar(
        "csharp",
        """
        (comment) @comment
        [(string_literal) (verbatim_string_literal) (raw_string_literal) (interpolated_string_expression) (character_literal)] @string
        [(method_declaration) (constructor_declaration) (destructor_declaration) (operator_declaration)
         (conversion_operator_declaration) (local_function_statement)] @function
        [(variable_declarator) (property_declaration) (foreach_statement) (assignment_expression)] @variable
        """,
        {"print": ("Console.WriteLine",)},
    ),
    "typescript": Grammar("typescript", _TYPESCRIPT),
    "tsx": Grammar("tsx", _TYPESCRIPT),
    "rust": Grammar("rust", "[(line_comment) (block_comment)] @comment [(string_literal) (raw_string_literal) (char_literal)] @string"),
    "ruby": Grammar("ruby", "(comment) @comment [(string) (string_array) (subshell) (heredoc_body)] @string"),
    "php": Grammar("php", "(comment) @comment [(string) (encapsed_string) (heredoc) (nowdoc)] @string"),
    "kotlin": Grammar("kotlin", "[(line_comment) (multiline_comment)] @comment [(string_literal) (character_literal)] @string"),
    "shell": Grammar("bash", "(comment) @comment [(raw_string) (string) (ansi_c_string) (heredoc_body)] @string"),
    "swift": Grammar(
        "swift",
        "[(comment) (multiline_comment)] @comment [(line_string_literal) (multi_line_string_literal) (raw_string_literal)] @string",
    ),
    "lua": Grammar("lua", "(comment) @comment (string) @string"),
}
ALIASES = {"cpp": "c++", "c-sharp": "c#", "csharp": "c#", "jsx": "javascript", "golang": "go", "bash": "shell", "sh": "shell"}
NAMES = tuple(GRAMMARS)


def grammar_index(canonical: str) -> int:
    """The language's place in NAMES; -1: it is not parsed."""
    name = ALIASES.get(canonical, canonical)
    return NAMES.index(name) if name in GRAMMARS else -1


def words() -> Iterator[tuple[int, str, str]]:
    """(a grammar's place in NAMES, a measure, a word that counts for it), in order."""
    for index, grammar in enumerate(GRAMMARS.values()):
        for measure, wanted in grammar.words.items():
            yield from ((index, measure, word) for word in wanted)
