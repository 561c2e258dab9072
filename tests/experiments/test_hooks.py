"""Hooks from the partner's own words, on French posts as people write them."""

from __future__ import annotations

import re

import pytest

from contentflow.experiments.hooks import FRAME, MAX_HOOK, Hook, propose, sentences

# Title, description.
POSTS = [
    ("Mon outil du mois", "Tu perds du temps à trier tes mails ? J'ai gagné 2 h par semaine. Voici comment."),
    ("Notion : mon second cerveau", "J'y range tout. Mes cours, mes listes, mes idées."),
    (
        "Un éditeur vidéo gratuit",
        "Il coupe les silences tout seul.\nEt il sous-titre en 3 clics !\nVraiment bluffant.",
    ),
    ("Top 3 apps", "- Une pour écrire plus vite\n- Une pour dormir mieux\n- Une pour compter ses dépenses"),
    ("Mes achats", "1. Un micro à 39,90 € qui sonne bien\n2. Une lampe\n3. Un bras pour le micro"),
    ("PROMO", "ATTENTION C'EST ÉNORME !!! -50 % JUSQU'À DIMANCHE !!! FONCEZ !!!"),
    ("Ma routine", "je me lève à 6h30 et je note trois choses"),
    ("Rangement", "Compte 1,5 h la première fois. Après, 10 min par jour suffisent."),
    ("Budget", "J'ai payé 12.50 € au lieu de 25 €. Pas mal, non ?"),
    ("Cours", "Le site https://exemple.fr/cours. Tout y est gratuit. Vraiment tout."),
    ("Lecture", "Il dit : « Lis vingt pages par jour. » J'ai essayé pendant un mois."),
    ("Citation", "« Fais-le maintenant. Tu verras. » C'est ma devise depuis des années."),
    ("Abrégé", "M. Dupont et Mme Martin l'utilisent aussi. Cf. p. 12 du guide. Voilà l'essentiel du livre."),
    ("Emojis", "🔥🔥🔥\n✅ Simple à installer\n✅ Marche sans Internet\n👉 Lien en bio"),
    ("Seulement des émojis", "😀😀😀 🎉"),
    ("Vide", ""),
    ("Espaces", "   \n\n  \t "),
    ("Hashtags", "Je gagne du temps chaque matin. #ia #tools #productivité"),
    ("Pub", "J'adore cette app. #ad"),
    ("Pub au milieu", "C'est une #ad pour une app que j'aime. Elle trie mes photos toute seule."),
    ("Mention", "Merci à @claire pour la découverte ! L'outil trie tout."),
    (
        "Long",
        "Cette application que j'utilise depuis des mois me permet de retrouver "
        "en quelques secondes tous les documents, "
        "photos et notes que je croyais perdus à jamais. Elle est gratuite pour trois appareils.",
    ),
    ("Points de suspension", "J'y croyais pas… Et pourtant ça marche. Essaie une semaine…"),
    ("Deux questions", "Pourquoi attendre ? Pourquoi payer plus cher ? Moi j'ai arrêté."),
    ("Question espagnole", "¿ Tu parles espagnol ? Moi pas encore, mais 15 min par jour aident."),
    ("Guillemets droits", "Elle m'a dit \"essaie ça\" et j'ai essayé. Je ne regrette rien."),
    ("Guillemet ouvert", 'Il a crié "stop et puis rien. La suite demain soir.'),
    ("Parenthèses", "Un outil simple (et gratuit. Oui, gratuit) pour tous. On s'y met quand ?"),
    ("Heures : 12:30", "Le live commence à 12:30. Sois là à l'heure."),
    ("https://exemple.fr : un bon site", "Un site pour apprendre. Tout est classé par niveau."),
    ("Pourquoi : parce que !", "C'est la question du jour. Réponds en commentaire."),
    ("Claude : l'assistant qui m'aide", "Il résume mes PDF. Il corrige mes fautes. Il ne dort jamais."),
    ("Figma : maquettes : tout", "Deux deux-points dans un titre. On ne retourne pas."),
    (": rien avant", "Un titre bancal. Une phrase normale ensuite."),
    ("Deux points:collés", "Sans espace autour. On ne coupe pas là."),
    ("Prix", "49 € par mois, c'est trop. J'ai trouvé à 9,99 €/mois. Même service."),
    ("Pourcent", "J'ai économisé 37 % sur mes courses. Sans rien changer d'autre."),
    ("Version", "La v2.0 est sortie hier. Elle corrige 14 bugs."),
    ("Milliers", "Plus de 1 200 000 personnes l'ont déjà. Et toi ?"),
    ("Téléphone", "Appelle le 01 23 45 67 89. On te répond en 2 min."),
    ("Date", "Du 1er au 15 déc. 2026, c'est offert. Profites-en vite."),
    ("Tirets", "– Premier conseil : respire\n– Deuxième conseil : dors\n– Troisième conseil : bois de l'eau"),
    ("Point-virgule", "Je teste ; je note ; je garde. Voilà ma méthode en trois mots."),
    ("Sans point final", "Je ne jure plus que par cette appli"),
    ("Un mot", "Top"),
    ("Deux mots", "Trop bien !"),
    ("Répétition", "Répétition. Répétition. Une phrase qui change enfin."),
    ("Une phrase qui change enfin", "Une phrase qui change enfin. Une autre, plus courte."),
    ("Liste", "Ce que j'aime :\n• le prix de 5 €\n• la couleur du bouton\n• le silence du moteur"),
    ("Anglais", "It saves me 3 hours a week. Isn't that great?"),
    ("Œuvre", "L'œuvre d'Éloïse m'a touchée. Ça m'a pris 20 min à lire."),
    ("Insécable", "C'est prêt\u00a0? Oui\u00a0! Compte 5\u00a0min montre en main."),
    ("Inclusif", "Les étudiant·e·s adorent. C'est gratuit pour les moins de 26 ans."),
    ("Retours", "Ligne une\r\nLigne deux avec des mots\r\n\r\nLigne trois, fin."),
    ("Tabulation", "Prix :\t10 €\nPort :\toffert dès 30 €"),
    ("Collé", "J'ai testé.Puis j'ai adopté.Fin de l'histoire."),
    ("Points multiples", "Incroyable!!!! Vraiment??? Je n'y crois toujours pas..."),
    ("Initiales", "J. K. Rowling l'a dit avant moi. Lisez le tome 7."),
    ("N°", "C'est mon n° 1 depuis 2 ans. Rien ne l'a remplacé."),
    (
        "Longue question",
        "Est-ce que toi aussi tu passes tes dimanches à trier des centaines de photos "
        "floues que personne ne regardera jamais, même pas toi ? Plus moi.",
    ),
]


def test_there_are_sixty_posts():
    assert len(POSTS) == 60


@pytest.mark.parametrize(("title", "description"), POSTS, ids=[title for title, _ in POSTS])
def test_hooks_are_whole_and_hold_no_word_that_was_not_written(title, description):
    written = re.findall(r"\w+", f"{title} {description}".casefold())

    hooks = propose(title, description)

    assert len(hooks) <= 3
    assert len({hook.text for hook in hooks}) == len(hooks)
    for hook in hooks:
        own = hook.text.removeprefix(FRAME.format("")) if hook.kind == "frame" else hook.text
        words = re.findall(r"\w+", own.casefold())
        assert len(hook.text) <= MAX_HOOK
        assert hook.text == hook.text.strip()
        assert hook.text.casefold() != title.casefold()
        assert not set(words) - set(written)
        if hook.kind != "turned":
            assert _stand_in_a_row(words, written)
        assert "http" not in hook.text
        assert "#ad" not in hook.text
        assert _numbers(own) <= _numbers(f"{title}\n{description}")


def _stand_in_a_row(words, written):
    return any(written[start : start + len(words)] == words for start in range(len(written)))


def _numbers(text):
    """Numbers with their decimals, groups, unit and currency: half of one is another one."""
    return set(re.findall(r"\d+(?:[ .,:\u00a0]\d+)*(?:[ \u00a0]?[€%]|[ \u00a0](?:h|min)\b)?", text))


def test_the_question_comes_first_then_the_number_then_the_first_sentence():
    assert propose(
        "Mon outil", "J'ai changé d'outil. Tu perds du temps ici ? J'ai gagné 2 h par semaine."
    ) == [
        Hook("question", "Tu perds du temps ici ?"),
        Hook("number", "J'ai gagné 2 h par semaine."),
        Hook("first", "J'ai changé d'outil."),
    ]


def test_a_title_is_turned_round_its_colon():
    assert propose("Notion : mon second cerveau", "")[0] == Hook("turned", "Mon second cerveau : Notion")


def test_the_frame_is_last_and_marked():
    hooks = propose("Notion : mon cerveau", "J'y range tout chaque soir. Rien ne se perd plus jamais.")

    assert [hook.kind for hook in hooks] == ["first", "turned", "frame"]
    assert hooks[-1].text == "Ce que je retiens : Rien ne se perd plus jamais."


def test_a_minus_is_no_bullet():
    assert propose("Promo", "-50 % jusqu'à dimanche soir")[0].text == "-50 % jusqu'à dimanche soir"


def test_a_month_cut_short_ends_no_sentence():
    assert list(sentences("Du 1er au 15 déc. 2026, c'est offert.")) == [
        "Du 1er au 15 déc. 2026, c'est offert."
    ]


@pytest.mark.parametrize("description", ["", "😀😀😀 🎉", "Top", "https://exemple.fr", "#ia #tools"])
def test_without_a_second_hook_in_the_words_none_is_made(description):
    assert propose("Mon titre", description) == []


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (
            "Compte 1,5 h la première fois. Puis plus rien du tout.",
            ["Compte 1,5 h la première fois.", "Puis plus rien du tout."],
        ),
        ("M. Dupont l'a dit hier. C'est bien vrai.", ["M. Dupont l'a dit hier.", "C'est bien vrai."]),
        ("J. K. Rowling l'a dit. Lisez le tome 7.", ["J. K. Rowling l'a dit.", "Lisez le tome 7."]),
        ("- Une pour écrire\n2. Deux pour lire vite", ["Une pour écrire", "Deux pour lire vite"]),
        ("Il a dit « Viens. Vite. » et je viens.", ["Il a dit « Viens. Vite. » et je viens."]),
        ("C'est sur exemple.fr. Tout est offert ici.", ["Tout est offert ici."]),
        ("Ce que j'aime :\nle prix de 5 €", ["le prix de 5 €"]),
        ("J'adore cette app. #ad #ia", ["J'adore cette app."]),
    ],
)
def test_sentences_end_where_a_reader_would_say(description, expected):
    assert list(sentences(description)) == expected
