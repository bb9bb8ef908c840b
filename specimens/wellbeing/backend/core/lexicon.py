"""Reads sentiment, emotion and stress out of a text by words. Stands in for the model that production calls."""

from dataclasses import dataclass

POSITIVE = {"great": 0.8, "thanks": 0.5, "happy": 0.9, "nice": 0.5, "done": 0.3, "relaxed": 0.6, "weekend": 0.4}
NEGATIVE = {
    "tired": -0.6,
    "angry": -0.9,
    "broken": -0.5,
    "late": -0.4,
    "worried": -0.6,
    "overtime": -0.7,
    "alone": -0.8,
}
STRESSING = {"deadline": 0.5, "overtime": 0.6, "urgent": 0.5, "late": 0.3, "worried": 0.4, "incident": 0.5}
EMOTIONS = {"happy": "joy", "great": "joy", "angry": "anger", "worried": "fear", "alone": "sadness", "relaxed": "calm"}


@dataclass(frozen=True, slots=True)
class Reading:
    sentiment: str
    sentiment_score: float
    emotion: str
    emotion_score: float
    stress: str
    stress_score: float
    keywords: list[str]


def read(text: str) -> Reading:
    words = text.lower().split()
    score = sum(POSITIVE.get(word, 0) + NEGATIVE.get(word, 0) for word in words)
    score = max(-1.0, min(1.0, score))
    stress = min(1.0, sum(STRESSING.get(word, 0) for word in words))
    emotion = next((EMOTIONS[word] for word in words if word in EMOTIONS), "calm")
    return Reading(
        sentiment="positive" if score > 0.2 else "negative" if score < -0.2 else "neutral",
        sentiment_score=round(score, 3),
        emotion=emotion,
        emotion_score=0.8 if emotion != "calm" else 0.4,
        stress="high" if stress > 0.6 else "medium" if stress > 0.25 else "low",
        stress_score=round(stress, 3),
        keywords=sorted({word for word in words if word in POSITIVE or word in NEGATIVE or word in STRESSING}),
    )
