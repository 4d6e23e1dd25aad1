"""Lists the words by which models name themselves: models, makers, and the words around them.

They are alternatives of verbose patterns, all without regard to case except `AMBIGUOUS_MODELS`.
Every match is bounded: a name has at most thirty characters after its stem.
"""

MODELS = r"""
    chat-?\s?gpt TAIL | gpt-?\s?(?:oss|neo|j|\d)TAIL | bing\schat | meta\sai | command\s?r\+?
    | lamda | google\sassistant | palm\s?2 | (?:code\s?)?llama(?:[\s-]?\d)?TAIL | phi-?\d TAIL
    | chat-?glm TAIL | glm-\d TAIL | qwen TAIL | tongyi(?:\sqianwen)? | deepseek TAIL
    | vicuna TAIL | mistral(?!\s?ai) TAIL | mixtral TAIL | gemma TAIL | open-?assistant
    | huggingchat | stable-?(?:lm|vicuna)TAIL | wizard-?lm TAIL | internlm TAIL | baichuan TAIL
    | ernie(?:\sbot)? | hunyuan TAIL | doubao | kimi TAIL | minimax TAIL | smollm TAIL
    | olmo TAIL | t[uü]lu-\d TAIL | guanaco TAIL | nemotron TAIL | jamba TAIL | rwkv TAIL
    | dolly-TAIL
""".replace("TAIL", r"(?:[.-]?\w){0,30}")
AMBIGUOUS_MODELS = r"""
    Claude(?:[\s-](?:\d[\d.]*(?<!\.)|Instant|Sonnet|Opus|Haiku)){0,3} | Copilot | Koala | Alpaca
    | Falcon | Gemini(?:[\s-](?:\d[\d.]*(?<!\.)|Pro|Ultra|Flash|Nano)){0,3} | Bard
    | Grok(?:[\s-]?\d)? | Nova | Pi | Yi
"""
"""Names that are also words, first names or signs: matched with a capital, not after an article."""

MAKERS = r"""
    openai | anthropic | google(?:\s(?:deepmind|ai|research))? | deepmind | meta | baidu | ai2
    | microsoft(?:\sresearch)? | alibaba(?:\s(?:cloud|group))? | mistral\s?ai
    | deepseek(?:\sai)? | xai | amazon | cohere | lmsys(?:\sorg)?
    | large\smodel\ssystems\sorganization | stability\s?ai | hugging\s?face | databricks
    | moonshot\sai | zhipu(?:\sai)? | tencent | bytedance | nvidia | ibm | 01\.ai | eleutherai
    | nous\sresearch | allen\sinstitute\sfor\s(?:ai|artificial\sintelligence)
"""

NOUNS = r"""
    ai | a\.i\. | artificial\sintelligence
    | (?:language|conversational|generative)(?:[\s-]based)? | models? | llm | assistant
    | chat-?bot | bot | product | creation
"""
VERBS = r"""
    trained | created | developed | made | built | designed | fine-?tuned | powered | provided
    | released | based | programmed | maintained
"""
SMALL = r"""
    an? | the | by | at | from | on | of | as | and | or | not | actually | just | only | simply
    | really | also | called | named | known | new | latest | friendly | helpful | large | small
    | version | was | is | am | has | have | been | which | that | researchers | engineers
    | team | company | people | here | currently | data | dataset | text | lots | amounts
    | massive | vast | to | help | assist | you | powerful | advanced
"""
OPENINGS = r"""
    (?<!\w)(?:I(?:\s|['’])(?:am|m|was|have\sbeen|ve\sbeen|run\son|go\sby) | I(?=,) | as | call\sme
    | my\s(?:name(?:\sis|['’]s) | (?:creator|developer|maker|trainer)s?)
    | you(?:\sa|['’])re\s(?:talking|chatting|speaking)\s(?:to|with))(?!\w)
"""
